"""The WSMan faults that the lab answers with: Windows' own codes, names and texts.

Sources: MS-WSMV 2.2.4.43 (WSManFault) and the list of WinRM error codes (wsmerror.h). This file knows no XML.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Fault(Exception):
    """One fault: the number that WinRM's clients look at, the SOAP subcode, and a text."""

    code: int
    subcode: str
    text: str
    sender: bool = True

    def __str__(self) -> str:
        return f"{self.code} {self.subcode}: {self.text}"


def timed_out() -> Fault:
    """Nothing to say within the operation's timeout: a client asks again."""
    return Fault(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
        sender=False,
    )


def no_such_shell(shell: str) -> Fault:
    """The shell, or the command in it, does not exist (any more)."""
    return Fault(
        2150858843,
        "w:InvalidSelectors",
        "The request for the Windows Remote Shell with ShellId "
        f"{shell} failed because the shell was not found on the server. Possible causes are: the specified "
        "ShellId is incorrect or the shell no longer exists on the server.",
    )


def shell_exists(shell: str) -> Fault:
    """A Create with the id of a shell that is there already."""
    return Fault(2150858843, "w:InvalidSelectors", f"A shell with the ShellId {shell} exists already.")


def no_such_endpoint(resource_uri: str) -> Fault:
    """No session configuration of that name is registered."""
    return Fault(
        2150858811,
        "wsa:DestinationUnreachable",
        "The WS-Management service cannot process the request. The "
        f"resource URI {resource_uri} was not found in the WS-Management catalog.",
    )


def unsupported(action: str) -> Fault:
    """An operation that exists in WS-Management and not in the lab."""
    return Fault(2150858754, "wsa:ActionNotSupported", f"The action {action} is not supported by the service.")


def malformed(what: str) -> Fault:
    """The envelope cannot be read."""
    return Fault(2150858752, "wsa:InvalidMessageInformationHeader", f"The SOAP message cannot be read: {what}.")


def too_large(limit: int) -> Fault:
    """The request exceeds MaxEnvelopeSizekb of the service."""
    return Fault(
        2150858815,
        "w:EncodingLimit",
        "The WS-Management service cannot process the request because it is "
        f"larger than the maximum envelope size of {limit} bytes.",
    )


def too_many_shells(limit: int) -> Fault:
    """MaxShellsPerUser is reached. This is what a client that never deletes its shells runs into."""
    return Fault(
        2150859174,
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. This user has "
        f"exceeded the maximum number of {limit} concurrent shells allowed on this server. Close existing "
        "shells or raise the quota for this user.",
    )
