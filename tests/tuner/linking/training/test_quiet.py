"""Quiet channels made of busy ones, for training."""

from pathlib import Path

from tests.support.annotated_chat import annotated
from tuner.linking.training.corpus import AnnotatedChannel, read_corpus, with_replies, without_names
from tuner.linking.training.quiet import quiet


def busy(tmp_path: Path) -> AnnotatedChannel:
    (channel,) = read_corpus(annotated(tmp_path))
    return with_replies(without_names(channel), 20, 1)


def test_conversations_follow_one_another_and_keep_their_links(tmp_path: Path) -> None:
    channel = busy(tmp_path)
    calm = quiet(channel, 1)
    texts = {m.id: m.text for m in channel.messages}
    assert [m.id for m in calm.messages] == sorted({m.id for m in calm.messages})
    answered = sorted((texts[c], texts[p]) for c, parents in channel.parents.items() for p in parents)
    moved = {m.id: m.text for m in calm.messages}
    assert sorted((moved[c], moved[p]) for c, parents in calm.parents.items() for p in parents) == answered
    starts = [i for i, m in enumerate(calm.messages) if not calm.parents[m.id]]
    assert len(starts) == 2
    assert starts[0] == 0


def test_replies_go_with_their_targets_and_people_stay_apart(tmp_path: Path) -> None:
    channel = busy(tmp_path)
    calm = quiet(channel, 1)
    assert sum(m.reply_to is not None for m in calm.messages) == sum(
        m.reply_to is not None for m in channel.messages
    )
    known = {m.id for m in calm.messages}
    assert all(m.reply_to in known for m in calm.messages if m.reply_to)
    second = next(i for i, m in enumerate(calm.messages) if i and not calm.parents[m.id])
    assert len({m.speaker for m in calm.messages[:second]}) == 2


def test_the_seed_decides(tmp_path: Path) -> None:
    channel = busy(tmp_path)
    assert quiet(channel, 1) == quiet(channel, 1)
    assert quiet(channel, 1).messages != quiet(channel, 2).messages
