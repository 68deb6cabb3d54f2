"""Callers whom no document names: Kubernetes says who they are and what they may do, and is asked seldom."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

from autoscaler.daemon.buckets import TokenBucket
from autoscaler.policy.callers import token_mark
from autoscaler.policy.plan import TenantPlan
from autoscaler.ports import AccessDenied, AccessReviews, AccessUnknown, Asked, Caller, Clock, KubernetesUser, Role

TRUSTED_S = 60.0
"""How long a yes is believed: as long a right that was taken away still opens this API."""

DOUBTED_S = 10.0
"""How long a no is believed: as long a new right or token is not yet known."""

MOST_KEPT = 4_096
PER_SECOND, BURST = 20.0, 100
PER_SECOND_EACH, BURST_EACH = 4.0, 40
"""Of one user's rights: a question for each namespace, and every pod has a token that makes it known."""

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Reviewing:
    """Identifies bearers of Kubernetes tokens.

    Wrong tokens cannot become a storm of questions: answers are kept, one question at a time is asked of each, and
    those of whom nothing good is known stay within a rate; beyond it the caller is told to come again. A yes is asked
    for again outside of that rate, so that a storm of strangers does not lock out who is known; and rights have a rate
    of their own, since only who is known gets so far, of which no user has all.

    Args:
        clock: for how long answers are kept.
        reviews: who answers.
        tenants: the tenants now in force, by name.
    """

    def __init__(self, clock: Clock, reviews: AccessReviews, tenants: Callable[[], Mapping[str, TenantPlan]]) -> None:
        self._reviews = reviews
        self._tenants = tenants
        self._users: _Answers[str, KubernetesUser | None] = _Answers(clock)
        self._rights: _Answers[tuple[KubernetesUser, Asked], bool] = _Answers(clock)

    async def caller(self, token: str, asked: Asked) -> Caller | None:
        """Tell who bears a token, as far as it may do what is asked; None: nobody.

        Raises:
            AccessDenied: the bearer has no such right.
            AccessUnknown: it cannot be found out now.
        """
        user = await self._users.get(token_mark(token), lambda: self._reviews.authenticate(token))
        if user is None:
            return None
        everywhere = Asked(asked.verb)
        if asked.namespace is None or not await self._may(user, asked):
            if await self._may(user, everywhere):
                return Caller(Role.OPERATOR, None)
            raise AccessDenied(_lacking(user, asked))
        return Caller(Role.TENANT, self._owners(asked.namespace), frozenset({asked.namespace}))

    async def _may(self, user: KubernetesUser, asked: Asked) -> bool:
        # By name: what else is known of a user may be another with each of its tokens.
        return await self._rights.get((user, asked), lambda: self._reviews.is_allowed(user, asked), user.name)

    def _owners(self, namespace: str) -> frozenset[str]:
        return frozenset(name for name, tenant in self._tenants().items() if namespace in tenant.namespaces)


class _Answers(Generic[Key, Answer]):
    """Answers kept for a while; whoever asks the same meanwhile waits for the one question that is out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bucket = TokenBucket(PER_SECOND, BURST, clock.now().monotonic_s)
        self._bucket_of: dict[str, TokenBucket] = {}
        self._kept: dict[Key, tuple[float, Answer]] = {}
        self._asked: dict[Key, asyncio.Task[Answer]] = {}

    async def get(self, key: Key, ask: Callable[[], Awaitable[Answer]], who: str | None = None) -> Answer:
        """Give the answer of before, or ask.

        Args:
            who: whose questions have a rate of their own within that of all; None: nobody's.
        """
        kept = self._kept.get(key)
        if kept is not None and self._clock.now().monotonic_s < kept[0]:
            return kept[1]
        if key not in self._asked:
            was_good = kept is not None and bool(kept[1])
            if not was_good and not self._may_ask(who):
                raise AccessUnknown("too many tokens are being looked up")
            self._asked[key] = asyncio.ensure_future(self._ask(key, ask))
        # Shielded: the first asker may hang up while others wait for the same answer.
        return await asyncio.shield(self._asked[key])

    def _may_ask(self, who: str | None) -> bool:
        now_s = self._clock.now().monotonic_s
        if who is None:
            return self._bucket.take(now_s)
        own = self._bucket_of.pop(who, None) or TokenBucket(PER_SECOND_EACH, BURST_EACH, now_s)
        self._bucket_of[who] = own
        if len(self._bucket_of) > MOST_KEPT:
            del self._bucket_of[next(iter(self._bucket_of))]
        return own.take(now_s) and self._bucket.take(now_s)

    async def _ask(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await ask()
        finally:
            del self._asked[key]
        self._kept.pop(key, None)
        self._kept[key] = (self._clock.now().monotonic_s + (TRUSTED_S if answer else DOUBTED_S), answer)
        self._forget(list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)])
        return answer

    def _forget(self, keys: Iterable[Key]) -> None:
        for key in keys:
            del self._kept[key]


def _lacking(user: KubernetesUser, asked: Asked) -> str:
    where = f"in namespace {asked.namespace}" if asked.namespace is not None else "in all namespaces"
    return f"{user.name} may not {asked.verb.value} functions.autoscaler.faas.dev {where}"
