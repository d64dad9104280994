"""TLS: on sockets and on other transports, for clients and to backends; certificates and what depends on them.

The room for a change:

- how bytes pass: `beginning` chooses between `stream`, on the socket itself, and `memory`; of both `alerts`, `reasons`
  and `flooding`;
- clients on their way in: `starting` where they ask in the clear, `greeted` for their first bytes, `accepting` for the
  handshake, `terminating` for what they share, `identity` for what is known of them then;
- what clients are shown: `contexts`, made by `presenting` with `profiles`;
- backends: `dialing` for one attempt, `asking` where it begins in the clear, `securer` for strangers' protocols,
  `upstream_contexts` and `upstream_faults`;
- certificates of the other side: `verifying`, with whom `trust` tells to believe;
- files: `files` finds them, `parsing` reads them, `pairing` makes `pairs`, `staples` goes with these, `credentials` is
  all of it, `certificates` shows it, `reloading` looks again, and `keylog` is written.
"""
