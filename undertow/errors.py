"""The errors a user may see. Each message is one clear sentence that names the thing and, where there is one, the mend."""

from __future__ import annotations

TOO_DEEP = "it is nested too deeply to be read"  # a payload of a hundred thousand brackets


class UndertowError(Exception):
    """Base of every error that is the user's, the provider's or the machine's doing; the command line prints it as is."""

    exit_code = 1


class UsageError(UndertowError):
    """The request itself is wrong: an unknown series, a malformed instant, a file that is not there."""

    exit_code = 2


class InstantError(UsageError):
    """A text is not an instant."""


class ContractError(UndertowError):
    """A table does not meet its schema."""


class FetchError(UndertowError):
    """A provider did not give a usable answer."""


class AbsentError(FetchError):
    """A provider has nothing at an address, and says so."""


class RefusedError(FetchError):
    """A provider does not want to be asked now: it refused, or asked to come back later until our patience ended."""


class PayloadError(FetchError):
    """A provider answered with the wrong kind of content; the bytes are kept aside and not parsed."""


class ParseError(UndertowError):
    """Archived bytes could not be read as the format they claim to be."""


class ArchiveError(UndertowError):
    """The archive is damaged: stored bytes do not match their hash."""


class LockedError(UndertowError):
    """Another run holds the lock."""

    exit_code = 4


class PublishError(UndertowError):
    """A build could not be published; the previous one is untouched."""


class NothingPublishedError(UsageError):
    """There is no build to read yet."""


class StoreError(UndertowError):
    """The object store refused, did not answer, or holds something damaged."""
