"""Numbers out of what is exposed to Prometheus: the right ones, of the right samples, whatever the text holds."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.plugins.metrics_text import MOST_LABELS, MOST_SERIES, metric, read_all

TEXT = """# HELP vllm:num_requests_waiting Number of requests waiting.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a\\"b\\\\,}"} 3.0
vllm:num_requests_waiting{engine="1", model_name="c",} 4 1700000000
vllm:num_requests_waiting_total{engine="1"} 99
plain 1.5e1 # {trace="x"} 7
\tplain 8
negative -.5\r
broken {a="b} 7
broken{a=b} 7
odd NaN
odd +Inf
odd 1_0
last 2"""


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("vllm:num_requests_waiting", 7.0),
        ("sum(vllm:num_requests_waiting)", 7.0),
        ("max(vllm:num_requests_waiting)", 4.0),
        ("min(vllm:num_requests_waiting)", 3.0),
        ("avg(vllm:num_requests_waiting)", 3.5),
        ('vllm:num_requests_waiting{engine="1"}', 4.0),
        ('max(vllm:num_requests_waiting{ engine = "1" , model_name="c" })', 4.0),
        ('vllm:num_requests_waiting{model_name="a\\"b\\\\,}"}', 3.0),
        ('vllm:num_requests_waiting{engine="2"}', None),
        ("plain", 15.0),
        ("negative", -0.5),
        ("last", 2.0),
        *((name, None) for name in ("broken", "odd", "absent", "vllm:num_requests", "plai")),
    ],
)
def test_what_is_asked_for_is_read(asked: str, number: float | None) -> None:
    """The samples with the name and the labels asked for are joined as is asked; what is no sample is passed over."""
    assert metric(asked).read(TEXT) == number


def test_all_that_are_there_are_told() -> None:
    """Each number has the name that was given to it; one that is not there is left out."""
    asked = [("waiting", metric("max(vllm:num_requests_waiting)")), ("gone", metric("absent"))]
    assert read_all(TEXT, asked) == {"waiting": 4.0}


@pytest.mark.parametrize("asked", ["", "a b", "max(a", "a)", "rate(a)", "a{b}", 'a{b="c"', "max(max(a))", "1a"])
def test_what_is_no_metric_is_told(asked: str) -> None:
    """What asks for nothing is refused with what may be written."""
    with pytest.raises(ValueError, match=re.escape("is no metric; write 'name', 'name{label=")):
        metric(asked)


@given(st.text(st.sampled_from('a{}=",\\ \n1.e#'), max_size=200))
def test_any_text_has_a_number_or_none(text: str) -> None:
    """No text makes reading it fail, and a sample at its end is found behind anything but an open quote."""
    assert isinstance(metric("max(a)").read(text), float | None)
    assert metric("sum(b)").read(f"{text}\nb 1") == 1.0


@pytest.mark.parametrize(
    "text", ['a{b="' * 100_000, "a{" + 'b="",' * 100_000, "a{" + 'b="c"' * 100_000 + "\n", "a " * 300_000]
)
def test_a_hostile_text_takes_no_longer_than_another(text: str) -> None:
    """However a text is made, the time to read it grows with its length alone."""
    began = process_time()
    assert metric("a").read(text) is None
    assert process_time() - began < 1


def test_so_many_samples_and_no_more() -> None:
    """Of one metric with very many samples only so many are looked at."""
    text = "".join(f'a{{b="{number}"}} 1\n' for number in range(MOST_SERIES + 10))
    assert metric("a").read(text) == MOST_SERIES
    assert metric("a").read("a 1e308\na 1e308") is None


def test_so_many_labels_and_no_more() -> None:
    """Labels are read where some are asked for, and of one metric no more of them than holds nobody up."""
    sample = 'a{b="c"} 1\n'
    assert metric('a{b="c"}').read('a{b="d"} 1\n' * (MOST_SERIES - 1) + sample) == 1.0
    assert metric('a{b="c"}').read('a{b="d"} 1\n' * MOST_SERIES + sample) is None
    long = f'a{{d="{"e" * (MOST_LABELS // 2)}"}} 1\n'
    assert metric('a{b="c"}').read(long + sample) == 1.0
    assert metric('a{b="c"}').read(2 * long + sample) is None
    assert metric("a").read(2 * long + sample) == 3.0
