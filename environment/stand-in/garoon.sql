CREATE DATABASE cb_cbgrn;
CREATE TABLE cb_cbgrn.memo (
    name VARCHAR(100) NOT NULL PRIMARY KEY,
    digest CHAR(64) NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB;
-- The rights' tables are read late in a bootstrap run.
FLUSH PRIVILEGES;
CREATE USER cbgrn@'%';
GRANT ALL PRIVILEGES ON cb_cbgrn.* TO cbgrn@'%';
