from garoon_failover.app import main

main()
