"""What a message of the chat format may hold: a text, or a list of parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from tuner.dataset.functions import Strict


class TextPart(Strict):
    type: Literal["text"]
    text: str


class RefusalPart(Strict):
    type: Literal["refusal"]
    refusal: str


class ImageURL(Strict):
    url: str = Field(min_length=1)
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Strict):
    type: Literal["image_url"]
    image_url: ImageURL


class Sound(Strict):
    data: str = Field(min_length=1)
    format: Literal["wav", "mp3"]


class SoundPart(Strict):
    type: Literal["input_audio"]
    input_audio: Sound


class File(Strict):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class FilePart(Strict):
    type: Literal["file"]
    file: File


_TEXT, _PARTS = "text", "parts"


def _form(content: object) -> str:
    """A content is a text, or a list of parts."""
    return _PARTS if isinstance(content, list) else _TEXT


_Filled = Annotated[str, Field(min_length=1), Tag(_TEXT)]
_Text = Annotated[str, Tag(_TEXT)]
_TextParts = Annotated[list[TextPart], Field(min_length=1), Tag(_PARTS)]
_UserPart = Annotated[TextPart | ImagePart | SoundPart | FilePart, Field(discriminator="type")]
_UserParts = Annotated[list[_UserPart], Field(min_length=1), Tag(_PARTS)]
_AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]
_AssistantParts = Annotated[list[_AssistantPart], Field(min_length=1), Tag(_PARTS)]

SystemContent = Annotated[_Filled | _TextParts, Discriminator(_form)]
UserContent = Annotated[_Filled | _UserParts, Discriminator(_form)]
AssistantContent = Annotated[_Text | _AssistantParts, Discriminator(_form)]
ToolContent = Annotated[_Text | _TextParts, Discriminator(_form)]
