"""What can be wrong with a record before anything is decided about it.

SchemaError
├── EnvelopeError            the CloudEvents envelope cannot be read (stage "decode")
│   ├── NotACloudEventError      no attribute of a CloudEvent at all
│   ├── MissingAttributeError    a required attribute is absent or empty
│   ├── BadAttributeError        an attribute's name or value is not allowed
│   ├── UnsupportedVersionError  a specversion other than 1.0
│   ├── BadContentTypeError      data or envelope in a format we do not read
│   ├── BadJsonError             the value is not JSON, or holds what JSON or Postgres cannot
│   └── MissingDataError         no data where an event must have some
└── DataError                the envelope is fine, the data is not what its type says (stage "validate")
    ├── UnknownTypeError         a type that is not in the registry
    ├── WrongTopicError          a known type on a topic that is not its own
    ├── InvalidDataError         the data does not fit the type's model
    ├── BadKeyError              the record key is not `<organization>[:<id>]`
    └── OrganizationMismatchError  key, header and data name different organizations

Messages never hold a value of the data: they go to dead letters and logs, where no address may appear.
"""

from typing import ClassVar

__all__ = [
    "BadAttributeError",
    "BadContentTypeError",
    "BadJsonError",
    "BadKeyError",
    "DataError",
    "EnvelopeError",
    "InvalidDataError",
    "MissingAttributeError",
    "MissingDataError",
    "NotACloudEventError",
    "OrganizationMismatchError",
    "SchemaError",
    "UnknownTypeError",
    "UnsupportedVersionError",
    "WrongTopicError",
]


class SchemaError(Exception):
    """A record that cannot be taken as an event; `code` is stable and goes into `x-dlq-error-code`."""

    code: ClassVar[str] = "schema_error"


class EnvelopeError(SchemaError):
    code = "bad_envelope"


class NotACloudEventError(EnvelopeError):
    code = "not_a_cloudevent"


class MissingAttributeError(EnvelopeError):
    code = "missing_attribute"


class BadAttributeError(EnvelopeError):
    code = "bad_attribute"


class UnsupportedVersionError(EnvelopeError):
    code = "unsupported_version"


class BadContentTypeError(EnvelopeError):
    code = "bad_content_type"


class BadJsonError(EnvelopeError):
    code = "bad_json"


class MissingDataError(EnvelopeError):
    code = "missing_data"


class DataError(SchemaError):
    code = "bad_data"


class UnknownTypeError(DataError):
    code = "unknown_type"


class WrongTopicError(DataError):
    code = "wrong_topic"


class InvalidDataError(DataError):
    code = "invalid_data"


class BadKeyError(DataError):
    code = "bad_key"


class OrganizationMismatchError(DataError):
    code = "organization_mismatch"
