"""What servers do with a session, stated on the servers themselves: the ground that rules stand on."""
