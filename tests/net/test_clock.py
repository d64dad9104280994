"""The reactor as a clock and an alarm."""

from __future__ import annotations

from twisted.internet.task import Clock

from balancer.net.clock import ReactorAlarm


def test_time_is_the_reactors() -> None:
    """The alarm tells the reactor's time and wakes once, when asked to."""
    clock, woken = Clock(), []
    alarm = ReactorAlarm(clock)
    alarm.wake_after(2, lambda: woken.append(alarm.seconds()))
    clock.advance(1)
    clock.advance(1)
    clock.advance(5)
    assert woken == [2]


def test_a_stopped_alarm_wakes_nobody() -> None:
    """After a stop nothing rings; stopping what never ran, or has rung, does no harm."""
    clock, woken = Clock(), []
    alarm = ReactorAlarm(clock)
    alarm.stop()
    alarm.wake_after(2, lambda: woken.append(1))
    alarm.stop()
    alarm.stop()
    clock.advance(5)
    assert not woken
    assert not clock.getDelayedCalls()
