"""Which faults can be done to which store, and why others cannot."""

import shlex
from collections.abc import Collection, Mapping
from itertools import pairwise

from holdfast.verification.networks import address_of, is_network, why_no_proxy
from holdfast.verification.plan import FAULTS, OF_NETWORKS, OF_SERVERS, Fault

DURABLE = {"--appendonly": "yes", "--appendfsync": "always"}


def possible(
    url: str, named: Collection[str], server_command: str = ""
) -> tuple[frozenset[Fault], Mapping[str, str]]:
    """Part the named faults into those that can be done and those that cannot, with reasons."""
    chosen: list[Fault] = [*FAULTS]
    if "all" not in named:
        chosen = [fault for fault in chosen if str(fault) in named]
    reasons = {fault: _why_not(fault, url, server_command) for fault in chosen}
    skipped = {str(fault): reason for fault, reason in reasons.items() if reason}
    wanted: frozenset[Fault] = frozenset(chosen) - skipped.keys()
    return wanted, skipped


def _why_not(fault: Fault, url: str, server_command: str) -> str:
    if fault in OF_NETWORKS:
        return why_no_proxy(url)
    if fault in OF_SERVERS:
        return _why_no_server(fault, url, server_command)
    if fault in {"kill", "pause"} and url.startswith("memory:"):
        return "would end or stop the store itself"
    return ""


def _why_no_server(fault: Fault, url: str, command: str) -> str:
    if not is_network(url):
        return "there is no server"
    if address_of(url) is None:
        return "the store has several servers"
    if not command:
        return "needs --server-command"
    if fault != "server-pause" and not _keeps_what_it_acknowledged(command):
        return "needs --appendonly yes --appendfsync always in the command of the server"
    return ""


def _keeps_what_it_acknowledged(command: str) -> bool:
    """Say whether a server is durable, by its options; a file of settings is trusted."""
    program, *words = shlex.split(command)
    if not program.rpartition("/")[2].startswith(("redis", "valkey")):
        return True
    if words and not words[0].startswith("-"):
        return True
    return DURABLE.items() <= dict(pairwise(words)).items()
