"""The Twisted edge: sockets and timers; feeds the core and obeys it."""
