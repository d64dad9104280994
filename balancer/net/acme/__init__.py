"""Certificates obtained by ACME (RFC 8555): kept in a folder, proved, renewed in time."""
