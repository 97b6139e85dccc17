"""Handing a conversation over: what the visitor is told, what the person gets."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from holdfast.session import Fact
from holdfast.support.engine import Answer
from holdfast.support.escalation import Assessment, Ticket, TranscriptLine
from holdfast.support.escalation.ticket import MAX_LINE, MAX_TRANSCRIPT, quoted
from holdfast.support.facts import SORTS, Kind, listed, newest
from holdfast.support.languages import Language
from holdfast.support.messages import Conversation, Outcome


class Words(NamedTuple):
    """What the visitor is told about a hand-over, in one language."""

    opened: str
    already: str
    under: str
    noted: str
    and_: str
    facts: Mapping[Kind, str]


WORDS: Final[Mapping[Language, Words]] = {
    "en": Words(
        opened="I have passed this conversation to a person on our team; your ticket is {ticket}.",
        already="This conversation is already with our team{under}. A person will answer here.",
        under=", under ticket {ticket}",
        noted=" They have {facts}.",
        and_=" and ",
        facts={kind: f"your {SORTS[kind].name} {{}}" for kind in SORTS},
    ),
    "de": Words(
        opened="Ich habe dieses Gespräch an einen Menschen aus unserem Team übergeben; "
        "Ihr Ticket ist {ticket}.",
        already="Dieses Gespräch liegt schon bei unserem Team{under}. Ein Mensch wird hier "
        "antworten.",
        under=", unter dem Ticket {ticket}",
        noted=" Dort bekannt: {facts}.",
        and_=" und ",
        facts={
            "order": "Ihre Bestellnummer {}",
            "email": "Ihre E-Mail-Adresse {}",
            "phone": "Ihre Telefonnummer {}",
            "preference": "{}",
        },
    ),
}


class Reply(NamedTuple):
    """What the visitor reads, and how the turn ended."""

    text: str
    outcome: Outcome


def compose(
    answer: Answer | None,
    *,
    ticket_id: str | None,
    opens: bool,
    facts: Sequence[Fact] = (),
    language: Language = "en",
) -> Reply:
    """Join the engine's answer with what has to be said about the hand-over.

    `opens` says that this turn opens the ticket; without an answer only the hand-over is told.
    """
    words = WORDS[language]
    if opens:
        told = words.opened.format(ticket=ticket_id) + _noted(facts, words)
        # "I found nothing, shall I …" would contradict that it has been done.
        lead = f"{answer.text}\n\n" if answer and answer.text and not answer.declined else ""
        return Reply(lead + told, "handed_over")
    if answer is None:
        ticket = words.under.format(ticket=ticket_id) if ticket_id else ""
        told = words.already.format(under=ticket)
        return Reply(told, "handed_over")
    return Reply(answer.text, _outcome(answer))


def open_ticket(
    ticket_id: str,
    assessment: Assessment,
    conversation: Conversation,
    said: str,
    *,
    facts: Sequence[Fact] = (),
) -> Ticket:
    """Write down why, and what was said until `said`."""
    lines = [(entry.message.role, entry.message.content) for entry in conversation]
    transcript = [*lines, ("user", said)][-MAX_TRANSCRIPT:]
    return Ticket(
        ticket_id=ticket_id,
        reasons=assessment.reasons,
        scores=assessment.scores,
        total=assessment.total,
        category=assessment.category,
        priority=assessment.priority,
        summary=_summary(assessment, conversation.said_by_visitor(), said, facts),
        facts=tuple(listed(facts)),
        transcript=tuple(
            TranscriptLine(role=role, content=content[:MAX_LINE]) for role, content in transcript
        ),
    )


def _summary(
    assessment: Assessment, earlier: Sequence[str], said: str, facts: Sequence[Fact]
) -> str:
    parts = [f"Handed over: {'; '.join(assessment.reasons)}."]
    if earlier:
        parts.append(f"It began with: “{quoted(earlier[0])}”")
    if len(earlier) > 1:
        parts.append(f"Before the last message: “{quoted(earlier[-1])}”")
    parts.append(f"Last message: “{quoted(said)}”")
    parts.append(f"Messages of the visitor: {len(earlier) + 1}.")
    known = [f"{SORTS[kind].name} {value}" for kind, value in _contacts(facts)]
    if known:
        parts.append(f"Known: {', '.join(known)}.")
    return "\n".join(parts)


def _noted(facts: Sequence[Fact], words: Words) -> str:
    """Say what the person will know already, so that the visitor need not tell it again."""
    told = [words.facts[kind].format(value) for kind, value in _contacts(facts)]
    return words.noted.format(facts=words.and_.join(told)) if told else ""


def _contacts(facts: Sequence[Fact]) -> list[tuple[Kind, str]]:
    kinds: tuple[Kind, ...] = ("order", "email", "phone")
    return [(kind, value) for kind in kinds if (value := newest(facts, kind))]


def _outcome(answer: Answer) -> Outcome:
    if answer.declined:
        return "declined"
    if answer.asks_back:
        return "clarifying"
    return "answered" if answer.sources else "talk"
