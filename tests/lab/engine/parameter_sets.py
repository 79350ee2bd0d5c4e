"""Which parameter set a command uses: PowerShell's own steps, on bit masks of sets.

`Sets` is the state while one command is bound: what is still possible, and the parameters not bound yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .failures import Speaker
from .signatures import ALL_SETS, Parameter, Place, Signature


@dataclass
class Prompting:
    """The missing mandatory parameters of one set: those that pipeline input can still bring, and those it cannot."""

    flag: int
    is_default: bool
    piped: list[Parameter] = field(default_factory=list)
    by_value: list[Parameter] = field(default_factory=list)
    by_property: list[Parameter] = field(default_factory=list)
    not_piped: list[Parameter] = field(default_factory=list)

    @property
    def is_all(self) -> bool:
        """Whether these are missing in every set."""
        return self.flag == ALL_SETS

    def add(self, parameter: Parameter, place: Place, piped: bool) -> None:
        """Sort a missing parameter in."""
        if not piped or not (place.by_value or place.by_property):
            self.not_piped.append(parameter)
            return
        self.piped.append(parameter)
        if place.by_value:
            self.by_value.append(parameter)
        if place.by_property:
            self.by_property.append(parameter)


class Sets:
    """The sets that are still possible for one command."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.speaker = Speaker(signature.name, signature.owner)
        self.current = ALL_SETS
        self.preferred = 0
        self.unbound: list[Parameter] = list(signature.parameters)

    def narrow(self, parameter: Parameter) -> None:
        """A parameter was bound."""
        self.unbound.remove(parameter)
        if parameter.flags:
            self.current &= parameter.flags

    @property
    def count(self) -> int:
        """How many named sets are still possible (1 for "all of them")."""
        if self.current == ALL_SETS:
            return 1
        return (self.current & self.signature.every_flag).bit_count()

    def validate(self, *, before_input: bool, choose_default: bool) -> int:
        """How many sets remain. Raises AmbiguousParameterSet where none does, or nothing decides between them."""
        count, default = self.count, self.signature.default_flag
        if count == 0 and self.current != ALL_SETS:
            raise self.speaker.ambiguous_set()
        if count > 1:
            return self._among_several(before_input, choose_default)
        if self.current != ALL_SETS:
            return count
        count = max(len(self.signature.sets), 1)
        if before_input and self._takes_input():
            return count
        if default:
            if choose_default:
                self.current = default
                return 1
        elif count > 1:
            count = self._decide_by_mandatory()
            if count != 1:
                raise self.speaker.ambiguous_set()
        return count

    def _among_several(self, before_input: bool, choose_default: bool) -> int:
        default = self.signature.default_flag
        if default and self.current & default:
            if choose_default:
                self.current = default
                return 1
            return self.count
        if before_input and self._takes_input():
            return self.count
        if self._decide_by_mandatory() != 1:
            raise self.speaker.ambiguous_set()
        return 1

    def _takes_input(self) -> bool:
        """Whether some parameter not bound yet takes pipeline input in a set that is still possible."""
        return any(
            place.by_value or place.by_property
            for parameter in self.unbound
            for place in parameter.places_in(self.current)
        )

    def _decide_by_mandatory(self) -> int:
        """The only set of which no mandatory parameter is missing, if there is just one."""
        remaining = self.current & self.signature.every_flag if self.signature.sets else self.current
        for parameter in self.unbound:
            for place in parameter.places_in(self.current):
                if place.mandatory:
                    remaining = 0 if place.flag == 0 else remaining & ~place.flag
        count = remaining.bit_count() if remaining else 0
        if count == 1:
            self.current = remaining
        return count

    def without_input(self) -> int:
        """The possible sets that no parameter not bound yet could take input in are left out."""
        found, everywhere = 0, False
        for parameter in self.unbound:
            for place in parameter.places_in(self.current):
                if place.by_value or place.by_property:
                    found |= place.flag
                    everywhere = everywhere or place.flag == 0
        return found if found and not everywhere else self.current

    def missing_mandatory(self, count: int, piped: bool) -> list[Parameter]:
        """The mandatory parameters that nothing can bring any more. May settle on a set."""
        data, lacking, in_all = self._prompting(piped)
        if not piped:
            return lacking
        if not data:
            return []
        mandatory_sets = 0
        for each in data.values():
            if not each.is_all:
                mandatory_sets |= self.current & each.flag
        if mandatory_sets == 0:
            mandatory_sets = self.current
        if in_all:
            mandatory_sets = self.current & (self.signature.every_flag or ALL_SETS)
        return self._settle(data, mandatory_sets, count)

    def _prompting(self, piped: bool) -> tuple[dict[int, Prompting], list[Parameter], bool]:
        data: dict[int, Prompting] = {}
        lacking: list[Parameter] = []
        default, in_all = self.signature.default_flag, False
        for parameter in self.unbound:
            missing = False
            for place in parameter.places_in(self.current):
                if not place.mandatory:
                    continue
                flag = place.flag or ALL_SETS
                missing, in_all = True, in_all or flag == ALL_SETS
                entry = data.setdefault(flag, Prompting(flag, bool(default) and flag == default))
                entry.add(parameter, place, piped)
            if missing:
                lacking.append(parameter)
        return data, lacking, in_all

    def _settle(self, data: dict[int, Prompting], mandatory_sets: int, count: int) -> list[Parameter]:
        default = self.signature.default_flag
        if count > 1 and default and not default & mandatory_sets and default & self.current:
            others = [each for each in data.values() if each.flag & self.current and not each.flag & default]
            if not any(each.piped for each in others if not each.is_all):
                mandatory_sets = self.current & ~mandatory_sets
                self.current = mandatory_sets
                if self.current != default:
                    self.preferred = default
        several = (mandatory_sets & (self.signature.every_flag or ALL_SETS)).bit_count()
        if mandatory_sets == ALL_SETS or several == 1:
            return self._not_piped(data, mandatory_sets)
        if several == 0:
            raise self.speaker.ambiguous_set()
        if self.preferred:
            return []
        if default & mandatory_sets and self._latch_on_default(data):
            self.current = default
            return self._not_piped(data, default)
        return self._latch_on_input(data, mandatory_sets)

    @staticmethod
    def _not_piped(data: dict[int, Prompting], sets: int) -> list[Parameter]:
        found: list[Parameter] = []
        for each in data.values():
            if each.is_all or each.flag & sets:
                found += [one for one in each.not_piped if one not in found]
        return found

    @staticmethod
    def _latch_on_default(data: dict[int, Prompting]) -> bool:
        """Whether the default set is the one to expect pipeline input in."""
        others = [each for each in data.values() if not each.is_all and not each.is_default]
        other_takes = any(each.piped and not each.not_piped for each in others)
        other_by_property = any(each.by_property for each in others)
        own = next((each for each in data.values() if each.is_default), None)
        if own and ((own.by_property and not other_by_property) or (own.piped and not other_takes)):
            return True
        if not other_takes:
            return True
        every = data.get(ALL_SETS)
        return bool(every and every.not_piped)

    def _latch_on_input(self, data: dict[int, Prompting], sets: int) -> list[Parameter]:
        """The one set that takes pipeline input by value, or by property name, if it is just one."""
        candidates = [each for each in data.values() if not each.is_all and each.flag & sets]
        by_value = [each.flag for each in candidates if each.by_value]
        by_property = [each.flag for each in candidates if each.by_property]
        only = self._only(by_value, by_property)
        if only == 0:
            if not any(each.not_piped for each in data.values() if each.is_all or each.flag & sets):
                return []
            if len(by_value) == 1:
                only = by_value[0]
            else:
                return self._leave_out(data, candidates)
        self._keep(data, only)
        return self._not_piped(data, only)

    @staticmethod
    def _only(by_value: list[int], by_property: list[int]) -> int:
        value = by_value[0] if len(by_value) == 1 else 0
        named = by_property[0] if len(by_property) == 1 else 0
        if value and named:
            return value if value == named else 0
        if value and not by_property:
            return value
        return named if named and not by_value else 0

    def _leave_out(self, data: dict[int, Prompting], candidates: list[Prompting]) -> list[Parameter]:
        """Sets that want something which no input brings cannot be meant: the rest goes on."""
        hopeless = 0
        for each in candidates:
            if each.not_piped:
                hopeless |= each.flag
        every = data.get(ALL_SETS)
        if every and every.not_piped:
            return list(every.not_piped)
        remaining = self.current & ~hopeless
        if (remaining & self.signature.every_flag) == 0:
            raise self.speaker.ambiguous_set()
        self.current = remaining
        return []

    def _keep(self, data: dict[int, Prompting], chosen: int) -> None:
        """The chosen set, and those that want nothing more, stay possible."""
        ignored = 0
        for each in data.values():
            if not each.is_all and each.flag != chosen:
                ignored |= each.flag
        wants_more = any(each.not_piped for each in data.values() if each.flag == chosen)
        if wants_more:
            self.current = chosen
        else:
            self.current &= ~ignored
            if self.current == chosen:
                return
            self.preferred = chosen
