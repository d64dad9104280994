"""TLS: on sockets and on other transports, for clients and to backends; certificates and what depends on them."""
