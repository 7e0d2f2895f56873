"""Random sessions, directly and through the proxy: nobody can tell which is which. `__main__.py` is the command."""
