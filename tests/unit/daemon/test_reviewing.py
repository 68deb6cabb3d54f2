"""Tokens of Kubernetes: who bears them, what they may do, and how seldom that is asked."""

import asyncio

import pytest

from autoscaler.daemon.reviewing import BURST, DOUBTED_S, MOST_KEPT, TRUSTED_S, Reviewing
from autoscaler.policy.plan import TenantPlan
from autoscaler.ports import AccessDenied, AccessUnknown, Asked, Caller, KubernetesUser, Role, Verb
from tests.unit.daemon.clock import HandClock

JANE = KubernetesUser("jane", "1", ("developers",))


class MemoryReviews:
    """Implements `ports.AccessReviews`: users by token, rights by user, verb and namespace."""

    def __init__(self) -> None:
        self.users = {"jane": JANE}
        self.rights: set[tuple[str, Verb, str | None]] = set()
        self.tokens_asked = 0
        self.rights_asked = 0
        self.is_away = False
        self.answer = asyncio.Event()
        self.answer.set()

    async def authenticate(self, token: str) -> KubernetesUser | None:
        self.tokens_asked += 1
        await self.answer.wait()
        if self.is_away:
            raise AccessUnknown("the API server does not answer")
        return self.users.get(token)

    async def is_allowed(self, user: KubernetesUser, asked: Asked) -> bool:
        self.rights_asked += 1
        return (user.name, asked.verb, asked.namespace) in self.rights


def reviewing() -> tuple[Reviewing, MemoryReviews, HandClock]:
    clock, reviews = HandClock(), MemoryReviews()
    acme = TenantPlan("acme", frozenset({"acme-prod", "acme-dev"}), "main", frozenset(), None, dry_run=False)
    return Reviewing(clock, reviews, lambda: {"acme": acme}), reviews, clock


async def test_a_right_in_a_namespace_shows_that_namespace_of_its_tenant() -> None:
    """Who may get functions in one namespace sees that one, and no other of the same tenant."""
    it, reviews, _ = reviewing()
    reviews.rights = {("jane", Verb.GET, "acme-prod")}
    caller = await it.caller("jane", Asked(Verb.GET, "acme-prod"))
    assert caller == Caller(Role.TENANT, frozenset({"acme"}), frozenset({"acme-prod"}))
    with pytest.raises(AccessDenied):
        await it.caller("jane", Asked(Verb.GET, "acme-dev"))
    with pytest.raises(AccessDenied):
        await it.caller("jane", Asked(Verb.GET))
    with pytest.raises(AccessDenied):
        await it.caller("jane", Asked(Verb.UPDATE, "acme-prod"))


async def test_a_right_everywhere_is_an_operators() -> None:
    """Who may get functions in all namespaces sees everything."""
    it, reviews, _ = reviewing()
    reviews.rights = {("jane", Verb.GET, None)}
    assert await it.caller("jane", Asked(Verb.GET)) == Caller(Role.OPERATOR, None)


async def test_a_right_in_a_namespace_that_no_tenant_claims_shows_nothing() -> None:
    """A right on functions of a namespace without a tenant is of no use."""
    it, reviews, _ = reviewing()
    reviews.rights = {("jane", Verb.GET, "elsewhere")}
    caller = await it.caller("jane", Asked(Verb.GET, "elsewhere"))
    assert caller is not None
    assert not caller.may_see("acme")


async def test_an_unknown_token_is_nobodys() -> None:
    """A token that Kubernetes does not know is nobody's, and no right of it is asked."""
    it, reviews, _ = reviewing()
    assert await it.caller("wrong", Asked(Verb.GET)) is None
    assert reviews.rights_asked == 0


async def test_answers_are_believed_for_a_while_and_then_asked_again() -> None:
    """A yes is kept for a minute and a no for ten seconds, so that a right that was taken away ends soon."""
    it, reviews, clock = reviewing()
    reviews.rights = {("jane", Verb.GET, "acme-prod")}
    for _ in range(3):
        await it.caller("jane", Asked(Verb.GET, "acme-prod"))
        await it.caller("wrong", Asked(Verb.GET))
    assert (reviews.tokens_asked, reviews.rights_asked) == (2, 1)
    await clock.advance(DOUBTED_S)
    await it.caller("wrong", Asked(Verb.GET))
    assert (reviews.tokens_asked, reviews.rights_asked) == (3, 1)
    await clock.advance(TRUSTED_S)
    reviews.rights = set()
    with pytest.raises(AccessDenied):
        await it.caller("jane", Asked(Verb.GET, "acme-prod"))


async def test_many_at_once_are_one_question_even_if_the_first_hangs_up() -> None:
    """Whoever asks the same while a question is out waits for its answer, whoever asked first and left."""
    it, reviews, _ = reviewing()
    reviews.rights = {("jane", Verb.GET, None)}
    reviews.answer.clear()
    asking = [asyncio.ensure_future(it.caller("jane", Asked(Verb.GET))) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    reviews.answer.set()
    answers = await asyncio.gather(*asking[1:])
    assert set(answers) == {Caller(Role.OPERATOR, None)}
    assert reviews.tokens_asked == 1


async def test_a_storm_of_wrong_tokens_is_not_passed_on() -> None:
    """More new tokens than the burst are turned away until the rate allows more; a known one is answered meanwhile."""
    it, reviews, clock = reviewing()
    reviews.rights = {("jane", Verb.GET, None)}
    await it.caller("jane", Asked(Verb.GET))
    turned_away = 0
    for number in range(2 * BURST):
        try:
            await it.caller(f"wrong-{number}", Asked(Verb.GET))
        except AccessUnknown:
            turned_away += 1
    assert turned_away == BURST + 1
    assert await it.caller("jane", Asked(Verb.GET)) == Caller(Role.OPERATOR, None)
    await clock.advance(1.0)
    assert await it.caller("wrong-last", Asked(Verb.GET)) is None


async def test_who_asks_for_many_rights_uses_up_nobody_elses() -> None:
    """A user who is known and asks in namespace after namespace, with token after token, is turned away; another's first is answered."""
    it, reviews, clock = reviewing()
    mallory = [KubernetesUser("mallory", "2", (), (("id", (str(number),)),)) for number in range(4)]
    reviews.users |= {user.extra[0][1][0]: user for user in mallory}
    reviews.rights = {("jane", Verb.GET, "acme-prod")}
    outcomes = [
        (await asyncio.gather(it.caller(str(number % 4), Asked(Verb.GET, f"n{number}")), return_exceptions=True))[0]
        for number in range(2 * BURST)
    ]
    assert {type(one) for one in outcomes} == {AccessDenied, AccessUnknown}
    assert await it.caller("jane", Asked(Verb.GET, "acme-prod")) is not None
    await clock.advance(1.0)
    with pytest.raises(AccessDenied):
        await it.caller("1", Asked(Verb.GET, "one-more"))


async def test_a_storm_of_wrong_tokens_locks_nobody_out_who_is_known() -> None:
    """While strangers use the rate up, a yes that has to be asked for again is, for an hour, and so is another right."""
    it, reviews, clock = reviewing()
    reviews.rights = {("jane", Verb.GET, None), ("jane", Verb.UPDATE, "acme-prod")}
    await it.caller("jane", Asked(Verb.GET))
    for minute in range(60):
        await clock.advance(TRUSTED_S)
        strangers = [it.caller(f"wrong-{minute}-{number}", Asked(Verb.GET)) for number in range(BURST + 1)]
        answers = await asyncio.gather(*strangers, return_exceptions=True)
        assert isinstance(answers[-1], AccessUnknown)
        assert await it.caller("jane", Asked(Verb.GET)) == Caller(Role.OPERATOR, None)
        found = await it.caller("jane", Asked(Verb.UPDATE, "acme-prod"))
        assert found is not None
        assert found.role is Role.TENANT
    assert reviews.tokens_asked >= 60


async def test_what_is_kept_is_bounded() -> None:
    """Of ever new tokens only the latest answers are kept."""
    it, reviews, clock = reviewing()
    for number in range(MOST_KEPT + 200):
        await clock.advance(0.1)
        await it.caller(f"wrong-{number}", Asked(Verb.GET))
    assert reviews.tokens_asked == MOST_KEPT + 200
    assert len(it._users._kept) == MOST_KEPT


async def test_an_api_server_that_is_away_is_no_answer() -> None:
    """While Kubernetes cannot be asked nobody is told that a token is wrong, and afterwards it is asked again."""
    it, reviews, _ = reviewing()
    reviews.rights = {("jane", Verb.GET, None)}
    reviews.is_away = True
    with pytest.raises(AccessUnknown):
        await it.caller("jane", Asked(Verb.GET))
    reviews.is_away = False
    assert await it.caller("jane", Asked(Verb.GET)) == Caller(Role.OPERATOR, None)
