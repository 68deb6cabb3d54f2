"""What holds for all tests: a property has as long as it takes, since the machine may be busy with others."""

from hypothesis import settings

settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
