"""Conversations over real sockets: nothing may be lost, doubled, reordered or crossed."""
