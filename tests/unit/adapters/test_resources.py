"""The cache of custom resources: what was there before anybody looked, and what moves its version."""

from typing import Any

from autoscaler.adapters.kubernetes.resources import FollowedResources, ResourceCache
from autoscaler.policy.resources import MAX_BYTES, Identity

PLACE = Identity("ScalingPolicy", "acme-prod", "p")


def document(uid: str = "one", version: int = 1, generation: int = 1, **further: Any) -> dict[str, Any]:
    """Give the object that a watch tells of."""
    metadata = {"namespace": "acme-prod", "name": "p", "uid": uid, "generation": generation}
    return {"metadata": {**metadata, "resourceVersion": str(version)}, "spec": {}, **further}


def following() -> tuple[ResourceCache, FollowedResources]:
    cache = ResourceCache(lambda: True)
    return cache, FollowedResources(cache, "ScalingPolicy", "scalingpolicies")


def test_what_a_list_has_was_there_before_and_what_an_event_brings_was_not() -> None:
    """It stays so through later versions, and later lists, of the very same object."""
    for is_listed in (True, False):
        cache, followed = following()
        followed.put(document(), is_listed=is_listed)
        for generation, again in ((2, False), (3, True)):
            followed.put(document(version=generation, generation=generation), is_listed=again)
        assert (cache.snapshot().resources[PLACE].is_found, cache.snapshot().version) == (is_listed, 3)
        followed.put(document("two", 4), is_listed=False)
        assert not cache.snapshot().resources[PLACE].is_found


def test_an_object_that_is_no_longer_too_large_is_news() -> None:
    """Its annotations move no generation; its status, which is ours, is no news either way."""
    cache, followed = following()
    followed.put(document(sizeBytes=MAX_BYTES + 1), is_listed=True)
    followed.put(document(version=2, sizeBytes=MAX_BYTES + 9, status={"functions": 1}), is_listed=False)
    assert cache.snapshot().version == 1
    followed.put(document(version=3), is_listed=False)
    assert cache.snapshot().version == 2
    assert cache.snapshot().resources[PLACE].document is not None
