"""Decisions and protocol rules: sans-IO, told the time and handed the chance; imports no Twisted and no socket."""
