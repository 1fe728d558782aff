"""What the processes of one simulated world share: its directory and addresses, delays, files, waiting."""
