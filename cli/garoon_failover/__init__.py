"""The command `garoon-failover`: it finds an installation, checks it, shows it and moves it.

What is judged is judged by the product's own package, `failover`; here is what asks, shows and writes.
"""
