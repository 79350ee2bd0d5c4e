"""The cmdlets of the lab: bound parameters to the handler, its records to the streams."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from typing import Any

from ..cmdlets import registry
from ..values import Continue, Error, Message, Output, Progress
from ..values import Record as HandlerRecord
from .command import Body
from .failures import EXCEPTION, Failure, Record, nobody_to_ask
from .signatures import Signature

_log = logging.getLogger(__name__)
PLAIN_EXCEPTION = "System.Exception"


class LabCmdlet(Body):
    """Asks the handler for each object, with the parameters bound so far and without the common ones."""

    @property
    def _cmdlet(self) -> Signature:
        """The cmdlet itself, also where a proxy function was called: its errors are its own."""
        return self.me.signature.behind or self.me.signature

    def process(self) -> None:
        if not self.me.should_process():
            return
        parameters = self.me.binder.values
        if parameters.get("AsJob"):
            self.me.write(self.me.context.jobs.start(self._cmdlet, self.me.binder.set_name, parameters))
            return
        # The answer is taken whole before the next command sees any of it, as from a cmdlet that answers by call;
        # progress is shown while it comes.
        for record in self._answer(parameters):
            self._write(record)

    def _answer(self, parameters: dict[str, Any]) -> list[HandlerRecord]:
        kept: list[HandlerRecord] = []
        records = dispatch(self.me.context.session, self._cmdlet, self.me.binder.set_name, parameters)
        try:
            for record in records:
                if isinstance(record, Progress):
                    self.me.context.streams.progress(record.activity, record.status, record.percent)
                    continue
                kept.append(record)
                if isinstance(record, Continue) or (isinstance(record, Error) and record.terminating):
                    break
        except Exception as error:
            # A handler that breaks is a fault of the lab: it is logged, and its client sees it by name.
            _log.exception("the handler of %s failed", self._cmdlet.name)
            kept.append(Error(f"{type(error).__name__}: {error}", "LabHandlerFailed", "NotSpecified", terminating=True))
        finally:
            if isinstance(records, Generator):
                records.close()
        return kept

    def _write(self, record: HandlerRecord) -> None:
        if isinstance(record, Output):
            self.me.write(record.value, enumerate=record.enumerate)
        elif isinstance(record, Message):
            self.me.write_message(record.stream, record.text)
        elif isinstance(record, Continue):
            raise nobody_to_ask(self.me.speaker, record.query)
        elif isinstance(record, Error):
            made = error_record(self._cmdlet, record)
            if record.terminating:
                raise Failure(made)
            self.me.write_error(made)


def dispatch(
    session: registry.Session, signature: Signature, parameter_set: str, parameters: dict[str, Any]
) -> Iterator[HandlerRecord]:
    """The handler's records. A cmdlet that the lab knows by its signature only says so."""
    name = signature.name
    if name not in registry.HANDLERS and name not in registry.handlers():
        return iter(
            [Error(f"The lab has no handler for {name}.", "LabHandlerMissing", "NotImplemented", terminating=True)]
        )
    return registry.dispatch(session, name, parameter_set, parameters)


def error_record(signature: Signature, error: Error) -> Record:
    """A handler's error as the cmdlet reports it."""
    hresult = EXCEPTION if error.hresult is None else error.hresult
    return Record(
        error.message,
        f"{error.id},{signature.owner}",
        error.category,
        error.exception or signature.exception or PLAIN_EXCEPTION,
        signature.name,
        error.target,
        hresult - 2**32 if hresult >= 2**31 else hresult,
        invocation=signature.name,
    )
