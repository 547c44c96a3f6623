"""The messages of pprof's ``profile.proto``, as far as a profile of Python needs them.

https://github.com/google/pprof/blob/main/proto/profile.proto: each field has its number and its kind from there.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ("profile_class",)

_PACKAGE: Final = "perftools.profiles"
_MESSAGES: Final = {
    "ValueType": {1: "int64 type", 2: "int64 unit"},
    "Label": {1: "int64 key", 2: "int64 str", 3: "int64 num", 4: "int64 num_unit"},
    "Sample": {1: "uint64 * location_id", 2: "int64 * value", 3: "Label * label"},
    "Mapping": {
        1: "uint64 id", 5: "int64 filename", 7: "bool has_functions", 8: "bool has_filenames",
        9: "bool has_line_numbers",
    },
    "Line": {1: "uint64 function_id", 2: "int64 line"},
    "Location": {1: "uint64 id", 2: "uint64 mapping_id", 4: "Line * line"},
    "Function": {1: "uint64 id", 2: "int64 name", 3: "int64 system_name", 4: "int64 filename"},
    "Profile": {
        1: "ValueType * sample_type", 2: "Sample * sample", 3: "Mapping * mapping", 4: "Location * location",
        5: "Function * function", 6: "string * string_table", 9: "int64 time_nanos", 10: "int64 duration_nanos",
        11: "ValueType period_type", 12: "int64 period", 13: "int64 * comment", 14: "int64 default_sample_type",
    },
}  # fmt: skip


def profile_class() -> Any:
    """Return the class of the message ``Profile``; those of its parts are made by its fields' ``add``."""
    # A pool of its own: in the one of the process, another package may have the whole of it under the same name.
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field in fields.items():
            *kind, field_name = field.replace("*", "").split()
            _describe(message.field.add(name=field_name, number=number), kind[0], repeated="*" in field)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Profile"))


def _describe(field: descriptor_pb2.FieldDescriptorProto, kind: str, *, repeated: bool) -> None:
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind in _MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")
