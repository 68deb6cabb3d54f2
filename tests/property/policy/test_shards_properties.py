"""Whatever tenants there are, one more shard moves few of them."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.policy.shards import shard_of

NAMES = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=63), min_size=1, unique=True)


@given(NAMES, st.integers(1, 40))
def test_one_more_shard_takes_tenants_and_moves_none_between_the_others(names: list[str], count: int) -> None:
    """With one more shard a tenant stays where it was or goes to the new one."""
    for name in names:
        before, after = shard_of(name, count), shard_of(name, count + 1)
        assert 0 <= before < count
        assert after in (before, count)


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_the_new_shard_takes_its_part(count: int, seed: int) -> None:
    """Of 2,000 tenants about one in n + 1 goes to the new shard: within five standard deviations."""
    names = [f"{seed}-{number}" for number in range(2_000)]
    moved = sum(shard_of(name, count) != shard_of(name, count + 1) for name in names)
    share = 1 / (count + 1)
    deviation = (len(names) * share * (1 - share)) ** 0.5
    assert abs(moved - len(names) * share) <= 5 * deviation


@given(st.integers(2, 12))
def test_shards_are_of_one_size(count: int) -> None:
    """2,000 tenants spread evenly: no shard is off by more than five standard deviations."""
    sizes = [0] * count
    for number in range(2_000):
        sizes[shard_of(f"tenant-{number}", count)] += 1
    deviation = (2_000 / count * (1 - 1 / count)) ** 0.5
    assert all(abs(size - 2_000 / count) <= 5 * deviation for size in sizes)
