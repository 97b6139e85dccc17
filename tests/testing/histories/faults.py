"""Faults put into clean histories: each turns answers that can be into answers that cannot."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.testing.histories import lease_faults, log_faults, state_faults, wide_faults
from tests.testing.histories.faulty import Faulty


@dataclass(frozen=True)
class Fault:
    """A fault and the kinds of finding that the linear checks may call it by."""

    put_into: Callable[[Faulty], None]
    kinds: tuple[str, ...]
    unanswered: float = 0.08
    # Whether no order agrees with it either.
    exact: bool = True

    def __str__(self) -> str:
        return self.put_into.__name__


FAULTS = (
    Fault(state_faults.duplicate_revision, ("duplicate_revision",)),
    Fault(state_faults.missing_revision, ("missing_revision",), unanswered=0),
    Fault(state_faults.lost_change, ("lost_change",), unanswered=0),
    Fault(state_faults.stale_read, ("stale_read",)),
    Fault(state_faults.future_read, ("future_read",)),
    Fault(state_faults.order_of_changes, ("order_of_changes",)),
    Fault(state_faults.wrong_value, ("wrong_value",)),
    Fault(state_faults.value_of_before, ("wrong_value",)),
    Fault(state_faults.wrong_type, ("wrong_value",)),
    Fault(state_faults.wrong_counter, ("wrong_value", "wrong_count"), unanswered=0),
    Fault(state_faults.write_after_delete, ("resurrection",), unanswered=0),
    Fault(state_faults.alive_after_delete, ("resurrection",)),
    Fault(state_faults.absent_while_alive, ("absent_while_alive",)),
    Fault(state_faults.not_found_while_alive, ("absent_while_alive",)),
    Fault(state_faults.mixed_incarnations, ("mixed_incarnations",)),
    Fault(state_faults.change_applied_twice, ("change_applied_twice",)),
    Fault(state_faults.replay_told_otherwise, ("change_applied_twice",)),
    Fault(state_faults.lost_increment, ("wrong_count",)),
    Fault(state_faults.number_given_twice, ("number_given_twice",)),
    Fault(state_faults.flag_won_twice, ("flag_won_twice",)),
    Fault(log_faults.log_gap, ("log_gap",), unanswered=0),
    Fault(log_faults.log_item_lost, ("log_item_lost",), unanswered=0),
    Fault(log_faults.log_item_twice, ("log_item_twice",)),
    Fault(log_faults.log_item_of_nobody, ("log_item_twice",)),
    Fault(log_faults.log_number_twice, ("log_number_twice",)),
    Fault(log_faults.log_order, ("log_order",)),
    Fault(log_faults.log_item_popped_twice, ("log_item_popped_twice",)),
    Fault(log_faults.log_item_back, ("log_item_back",)),
    Fault(lease_faults.write_after_another_grant, ("accepted_after_lease",)),
    Fault(lease_faults.write_after_expiry, ("accepted_after_lease",)),
    Fault(lease_faults.write_after_release, ("accepted_after_lease",)),
    Fault(lease_faults.renewal_after_another_grant, ("accepted_after_lease",)),
    Fault(lease_faults.leases_overlap, ("leases_overlap",), unanswered=0),
    Fault(lease_faults.fence_fell, ("fence_fell",)),
    Fault(lease_faults.fence_repeated, ("fence_repeated",)),
    Fault(state_faults.foreign_value, ("foreign_answer",)),
    Fault(state_faults.foreign_change, ("foreign_answer",)),
    Fault(state_faults.unreadable, ("unexpected_error",)),
    Fault(wide_faults.not_listed, ("not_listed",), exact=False),
    Fault(wide_faults.listed_twice, ("listed_twice",), exact=False),
    Fault(wide_faults.listed_while_absent, ("listed_while_absent",), unanswered=0),
    Fault(wide_faults.listed_as_it_was, ("stale_read",)),
    Fault(wide_faults.counted_too_few, ("wrong_total",), unanswered=0, exact=False),
    Fault(wide_faults.counted_too_many, ("wrong_total",), unanswered=0, exact=False),
    Fault(wide_faults.transaction_lost, ("wrong_value", "wrong_count")),
    Fault(wide_faults.transaction_twice, ("wrong_value", "wrong_count"), unanswered=0),
    Fault(wide_faults.watch_order, ("watch_order",), exact=False),
    Fault(wide_faults.stale_watch, ("stale_watch",), exact=False),
    Fault(wide_faults.future_watch, ("future_watch",), exact=False),
    Fault(wide_faults.watch_ended_early, ("watch_ended_early",), exact=False),
    Fault(wide_faults.missed_wake_up, ("missed_wake_up",), exact=False),
    Fault(wide_faults.missed_end, ("missed_wake_up",), unanswered=0, exact=False),
    Fault(wide_faults.list_ends_otherwise, ("unexpected_error",), exact=False),
    Fault(wide_faults.watch_ends_otherwise, ("unexpected_error",), exact=False),
)
