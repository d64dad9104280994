"""What is remembered by key: the latest, within bounds of number and time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.plugins.sticky_tables import Homes

keys = st.sampled_from(["a", "b", "c", "d", b"a", b"\xff"])
puts = st.lists(st.tuples(keys, st.sampled_from(["b1", "b2"]), st.integers(0, 9)), max_size=30)


@given(puts, st.integers(1, 4))
def test_it_remembers_as_a_plain_list_would(given_puts: list[tuple[str | bytes, str, int]], entries: int) -> None:
    """The latest keys that are put are known, each until it expires, and no more of them than there is room for."""
    homes, now, model = Homes(entries, 10), 0, dict[bytes, tuple[str, int]]()
    for key, name, later in given_puts:
        now += later
        homes.put(key, name, now)
        plain = key if isinstance(key, bytes) else key.encode()
        model.pop(plain, None)
        model[plain] = name, now + 10
        model = dict(list(model.items())[-entries:])
        assert len(homes) <= entries
        for known, (home, end) in model.items():
            assert homes.home(known, now) == (home if end > now else None)
    assert homes.home("never put", now) is None


def test_what_is_over_is_forgotten() -> None:
    """Keys that nobody brings again make room little by little, without a call that takes long."""
    homes = Homes(1000, 10)
    for number in range(100):
        homes.put(str(number), "b1", 0)
    for number in range(100):
        homes.put(f"later {number}", "b1", 20)
    assert len(homes) == 100


def test_a_key_is_not_kept() -> None:
    """However long a key is, what is kept of it is short and does not tell it."""
    homes = Homes(10, 10)
    homes.put("secret" * 1000, "b1", 0)
    assert "secret" not in repr(vars(homes))
    assert homes.home("secret" * 1000, 1) == "b1"
    assert homes.home("\udc80", 1) is None


def test_what_is_put_on_conditions() -> None:
    """A key that is not known can be left so, and one that belongs elsewhere left there; it is used all the same."""
    homes = Homes(10, 10)
    homes.put("a", "b1", 0, new=False)
    assert homes.home("a", 1) is None
    homes.put("a", "b1", 0, move=False)
    homes.put("a", "b2", 5, move=False)
    assert homes.home("a", 14) == "b1"
    homes.put("a", "b2", 15, new=False)
    assert homes.home("a", 15) is None
    homes.put("a", "b2", 15, move=False)
    homes.put("a", "b1", 16, new=False)
    assert homes.home("a", 25) == "b1"
