"""Checkpoints: going on bit for bit, and refusing what is damaged or somebody else's."""

import os
import pickle
import resource
import signal

import pytest
import torch

from utils.training import CheckpointError, checkpoint, fit


class Cut(Exception):
    """Ends a training in the middle, as a power cut would."""


def weights(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def train(model, data, folder, *, stop_at=None, **options):
    """Two epochs of ten steps with everything random; `stop_at` counts the steps of this call."""
    calls = []

    def augment(inputs):
        calls.append(1)
        if len(calls) == stop_at:
            raise Cut
        return inputs + 0.1 * torch.randn_like(inputs)

    options = {"batch_size": 20, "save_steps": 4, "save_seconds": None, "epochs": 2} | options
    return fit(
        model, data, augment=augment, checkpoint=folder, device="cpu", guards=False, **options
    )


@pytest.fixture
def data(make_patterns):
    return make_patterns(195)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["one-cycle", "step"])
def test_a_training_cut_anywhere_goes_on_bit_for_bit(
    optimizer, schedule, data, make_net, make_patterns, tmp_path
):
    options = {
        "optimizer": optimizer,
        "schedule": schedule,
        "lr": 0.01,
        "validation": make_patterns(50, 1, noise=1.5),
        "keep": "best",
        "accumulate": 2,
    }
    whole = make_net(dropout=0.5, batch_norm=True)
    expected = train(whole, data, tmp_path / "whole", **options)
    for stop_at in (1, 3, 7, 10, 2):
        with pytest.raises(Cut):
            train(
                make_net(9, dropout=0.5, batch_norm=True)
                if stop_at != 1
                else whole_start(make_net),
                data,
                tmp_path / "cut",
                stop_at=stop_at,
                **options,
            )
    model = make_net(8, dropout=0.5, batch_norm=True)
    history = train(model, data, tmp_path / "cut", **options)
    assert torch.equal(weights(model), weights(whole))
    ours, theirs = history.as_dict(), expected.as_dict()
    assert len(ours.pop("seconds")) == len(theirs.pop("seconds")) == 2
    assert ours == theirs
    files = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert files == ["best.pt", "last.pt", "previous.pt"]


def whole_start(make_net):
    """The network the uninterrupted training started from."""
    return make_net(dropout=0.5, batch_norm=True)


def test_a_finished_training_is_not_repeated(data, make_net, tmp_path):
    first = train(make_net(), data, tmp_path)
    model = make_net(3)
    again = train(model, data, tmp_path, stop_at=1)
    assert again.as_dict() == first.as_dict()
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert state["epoch"] == 2
    for name, value in model.state_dict().items():
        assert torch.equal(value, state["model"][name])
    with pytest.raises(Cut):
        train(make_net(), data, tmp_path, stop_at=1, resume=False)


def test_best_holds_the_weights_of_the_best_epoch(data, make_net, make_patterns, tmp_path):
    model = make_net()
    held_out = make_patterns(40, 1, noise=1.5)
    history = train(model, data, tmp_path, validation=held_out, keep="best", epochs=4)
    state = torch.load(tmp_path / "best.pt", weights_only=True)
    assert state["epoch"] == history.best_epoch
    assert torch.equal(
        weights(model), torch.cat([v.flatten().double() for v in state["model"].values()])
    )
    (tmp_path / "best.pt").unlink()
    with pytest.raises(CheckpointError, match="no longer"):
        train(model, data, tmp_path, validation=held_out, keep="best", epochs=4)


def damage_end(path):
    os.truncate(path, path.stat().st_size // 2)


def damage_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def damage_all(path):
    path.write_bytes(b"")


def damage_text(path):
    path.write_text("not a checkpoint")


@pytest.mark.parametrize("damage", [damage_end, damage_byte, damage_all, damage_text])
def test_a_damaged_checkpoint_is_named_and_the_previous_one_used(damage, data, make_net, tmp_path):
    whole = make_net()
    train(whole, data, tmp_path / "whole")
    with pytest.raises(Cut):
        train(make_net(), data, tmp_path / "cut", stop_at=10)
    damage(tmp_path / "cut" / "last.pt")
    previous = torch.load(tmp_path / "cut" / "previous.pt", weights_only=True)
    assert previous["step"] == 4
    model = make_net(2)
    with pytest.warns(UserWarning, match=r"last\.pt (is damaged|cannot be read).*previous\.pt"):
        train(model, data, tmp_path / "cut")
    assert torch.equal(weights(model), weights(whole))


def test_with_both_damaged_the_training_starts_again(data, make_net, tmp_path):
    with pytest.raises(Cut):
        train(make_net(), data, tmp_path, stop_at=10)
    damage_end(tmp_path / "last.pt")
    damage_byte(tmp_path / "previous.pt")
    with pytest.warns(UserWarning, match="starts from its first step"):
        history = train(make_net(), data, tmp_path)
    assert len(history) == 2


def test_a_checkpoint_of_another_model_or_other_settings_is_refused(
    data, make_net, make_patterns, tmp_path
):
    train(make_net(), data, tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    bigger = make_net()
    bigger[5] = torch.nn.Linear(16, 7)
    with pytest.raises(CheckpointError, match=r"another model \(5.weight is \(4, 16\) there, \(7"):
        train(bigger, data, tmp_path)
    with pytest.raises(CheckpointError, match=r"it has no 0\.1\.weight"):
        train(make_net(batch_norm=True), data, tmp_path)
    with pytest.raises(CheckpointError, match="epochs was 2, is 3"):
        train(make_net(), data, tmp_path, epochs=3)
    with pytest.raises(CheckpointError, match="data was"):
        train(make_net(), make_patterns(195, 1), tmp_path)
    with pytest.raises(CheckpointError, match=r"optimizer was AdamW.*is AdamW\(lr 0.5"):
        train(make_net(), data, tmp_path, lr=0.5)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_a_foreign_last_checkpoint_gives_way_to_the_previous_good_one(data, make_net, tmp_path):
    whole = make_net()
    train(whole, data, tmp_path / "whole")
    with pytest.raises(Cut):
        train(make_net(), data, tmp_path / "cut", stop_at=10)
    train(make_net(batch_norm=True), data, tmp_path / "foreign")
    (tmp_path / "foreign" / "last.pt").replace(tmp_path / "cut" / "last.pt")
    model = make_net()
    with pytest.warns(UserWarning, match="last.pt is of another model"):
        train(model, data, tmp_path / "cut")
    assert torch.equal(weights(model), weights(whole))


def test_best_weights_are_not_mistaken_for_a_place_to_go_on_from(
    data, make_net, make_patterns, tmp_path
):
    train(make_net(), data, tmp_path, validation=make_patterns(40, 1))
    (tmp_path / "best.pt").replace(tmp_path / "last.pt")
    (tmp_path / "previous.pt").unlink()
    with pytest.raises(CheckpointError, match=r"last\.pt holds weights only"):
        train(make_net(), data, tmp_path)


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE"],))


def test_code_in_a_checkpoint_is_not_executed(data, make_net, tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE", str(tmp_path / "executed"))
    folder = tmp_path / "folder"
    folder.mkdir()
    torch.save({"format": 1, "model": Hostile()}, folder / "last.pt")
    (folder / "previous.pt").write_bytes(pickle.dumps(Hostile()))
    with pytest.warns(UserWarning, match="more than tensors and numbers"):
        train(make_net(), data, folder)
    assert not (tmp_path / "executed").exists()


def test_a_folder_that_cannot_be_made(data, make_net, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="give a folder that can be written to"):
        train(make_net(), data, tmp_path / "file" / "folder")


def test_a_full_disk_is_one_clear_sentence_and_leaves_nothing_half_written(
    data, make_net, tmp_path, monkeypatch
):
    store = checkpoint.Checkpoints(tmp_path, checkpoint.structure(make_net()), {})
    store.save({"model": {}, "number": 1})
    before = (tmp_path / "last.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"last\.pt could not be written \(.*free some"):
            store.save({"model": {"w": torch.zeros(100_000)}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert (tmp_path / "last.pt").read_bytes() == before


@pytest.mark.parametrize("name", ["last.pt.tmp", "best.pt.tmp"])
@pytest.mark.parametrize("resume", [True, False])
def test_a_leftover_of_a_killed_writer_is_cleared(name, resume, data, make_net, tmp_path):
    (tmp_path / name).write_bytes(b"half")
    train(make_net(), data, tmp_path, resume=resume)
    assert not (tmp_path / name).exists()


def test_checkpoints_are_written_by_seconds_too(data, make_net, tmp_path, monkeypatch):
    steps = []
    save = checkpoint.Checkpoints.save

    def record(self, state):
        steps.append((state["epoch"], state["step"]))
        save(self, state)

    monkeypatch.setattr(checkpoint.Checkpoints, "save", record)
    train(make_net(), data, tmp_path / "a", save_steps=None, save_seconds=0.0, epochs=1)
    assert steps == [(0, step) for step in range(10)] + [(1, 0)]
    steps.clear()
    train(make_net(), data, tmp_path / "b", save_steps=None, save_seconds=None)
    assert steps == [(0, 0), (1, 0), (2, 0)]
