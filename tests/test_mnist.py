"""MNIST and data in its format: found, checked, and refused with a line that helps."""

import gzip
import io
import os
import socket
import struct
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.datasets import Mnist, load_mnist
from inkread.datasets.mnist import IDX_NAMES, MD5S, read_idx
from inkread.errors import DataError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = IDX_NAMES

Arrays = dict[str, NDArray[np.uint8]]


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def arrays() -> Arrays:
    rng = np.random.default_rng(7)
    return {
        TRAIN_IMAGES: rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        TRAIN_LABELS: rng.integers(0, 10, 30, dtype=np.uint8),
        TEST_IMAGES: rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        TEST_LABELS: rng.integers(0, 10, 10, dtype=np.uint8),
    }


def write_idx(folder: Path, arrays: Arrays, *, compressed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx_bytes(array)
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def write_npz(path: Path, arrays: Iterable[NDArray[Any]]) -> Path:
    x_train, y_train, x_test, y_test = arrays
    np.savez_compressed(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def assert_holds(mnist: Mnist, arrays: Arrays) -> None:
    loaded = (mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels)
    for array, expected in zip(loaded, arrays.values(), strict=True):
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, expected)


def refusal(load: Callable[[], object]) -> str:
    """Return the one line with which `load` is refused."""
    with pytest.raises(DataError) as caught:
        load()
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide this machine's own data, and give the folder that is its cache of MNIST."""
    monkeypatch.delenv("INKREAD_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "cache" / "inkread" / "mnist"


@pytest.fixture
def offline() -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return [f"http://127.0.0.1:{once.getsockname()[1]}/"]


# Where the data is found


def test_gzip_files_are_read(tmp_path: Path, arrays: Arrays) -> None:
    assert_holds(load_mnist(write_idx(tmp_path, arrays)), arrays)


def test_plain_files_are_read(tmp_path: Path, arrays: Arrays) -> None:
    assert_holds(load_mnist(write_idx(tmp_path, arrays, compressed=False)), arrays)


def test_files_spelled_with_a_dot_are_read(tmp_path: Path, arrays: Arrays) -> None:
    dotted = {name.replace("-idx", ".idx"): array for name, array in arrays.items()}
    assert_holds(load_mnist(write_idx(tmp_path, dotted, compressed=False)), arrays)


def test_the_content_and_not_the_name_says_whether_it_is_gzip(tmp_path: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(gzip.compress(idx_bytes(array)))
    assert_holds(load_mnist(tmp_path), arrays)


def test_a_folder_with_mnist_npz_is_read(tmp_path: Path, arrays: Arrays) -> None:
    write_npz(tmp_path / "mnist.npz", arrays.values())
    assert_holds(load_mnist(tmp_path), arrays)


def test_the_path_of_an_npz_is_read_whatever_its_name(tmp_path: Path, arrays: Arrays) -> None:
    path = write_npz(tmp_path / "mine.npz", arrays.values())
    assert_holds(load_mnist(str(path)), arrays)


def test_the_data_may_lie_in_a_folder_named_mnist(tmp_path: Path, arrays: Arrays) -> None:
    write_idx(tmp_path / "mnist", arrays)
    assert_holds(load_mnist(tmp_path), arrays)


def test_inkread_data_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: Arrays) -> None:
    write_idx(tmp_path / "mnist", arrays)
    for place in (tmp_path, tmp_path / "mnist"):
        monkeypatch.setenv("INKREAD_DATA", str(place))
        assert_holds(load_mnist(), arrays)


def test_a_folder_given_goes_before_inkread_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: Arrays
) -> None:
    monkeypatch.setenv("INKREAD_DATA", str(tmp_path / "not looked at"))
    assert_holds(load_mnist(write_idx(tmp_path, arrays)), arrays)


def test_files_put_into_the_cache_are_found_offline(home: Path, offline: list[str], arrays: Arrays) -> None:
    write_idx(home, arrays, compressed=False)
    assert_holds(load_mnist(mirrors=offline), arrays)


def test_an_npz_put_into_the_cache_is_found_offline(home: Path, offline: list[str], arrays: Arrays) -> None:
    home.mkdir(parents=True)
    write_npz(home / "mnist.npz", arrays.values())
    assert_holds(load_mnist(mirrors=offline), arrays)


def test_an_empty_inkread_data_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, offline: list[str], arrays: Arrays
) -> None:
    monkeypatch.setenv("INKREAD_DATA", "")
    write_idx(home, arrays, compressed=False)
    assert_holds(load_mnist(mirrors=offline), arrays)


# What is missing


def test_offline_one_line_says_which_files_to_put_where(home: Path, offline: list[str]) -> None:
    line = refusal(lambda: load_mnist(mirrors=offline))
    assert f"put {', '.join(MD5S)} into {home}" in line
    assert "--data DIR or INKREAD_DATA" in line


def test_a_given_folder_without_data_is_never_replaced_by_a_download(
    tmp_path: Path, home: Path, offline: list[str], arrays: Arrays
) -> None:
    write_idx(home, arrays, compressed=False)
    (tmp_path / "given").mkdir()
    line = refusal(lambda: load_mnist(tmp_path / "given", mirrors=offline))
    assert line.startswith(f"{tmp_path / 'given'}: ")
    assert all(name in line for name in (*IDX_NAMES, "mnist.npz"))


def test_a_given_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    line = refusal(lambda: load_mnist(tmp_path / "given"))
    assert line.startswith(f"{tmp_path / 'given'}: no such file or folder")
    assert all(name in line for name in (*IDX_NAMES, "mnist.npz"))


def test_inkread_data_without_data_is_an_error_that_names_the_variable(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, arrays: Arrays
) -> None:
    write_idx(home, arrays, compressed=False)
    monkeypatch.setenv("INKREAD_DATA", str(tmp_path / "gone"))
    assert refusal(load_mnist).startswith(f"INKREAD_DATA={tmp_path / 'gone'}: ")


def test_only_the_files_that_lack_are_asked_for(tmp_path: Path, arrays: Arrays) -> None:
    folder = write_idx(tmp_path / "mnist", arrays)
    (folder / f"{TEST_LABELS}.gz").unlink()
    line = refusal(lambda: load_mnist(tmp_path))
    assert f"put {TEST_LABELS} (each may end in .gz) or mnist.npz into {folder}" in line


def test_a_path_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    line = refusal(lambda: load_mnist(tmp_path / ("x" * 300)))
    assert "xxx: " in line


# Damage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "digits"


def test_a_wrong_magic_number_names_the_file(file: Path) -> None:
    file.write_bytes(struct.pack(">2I", 0x00000D01, 1) + b"\1\1\1\1")
    assert refusal(lambda: read_idx(file)).startswith(f"{file}: wrong magic number 0x00000d01")


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x08\x03\0\0\0\1\0\0"])
def test_a_file_that_ends_within_its_header_names_the_file(file: Path, content: bytes) -> None:
    for stored in (content, gzip.compress(content)):
        file.write_bytes(stored)
        assert refusal(lambda: read_idx(file)).startswith(f"{file}: truncated")


def test_a_truncated_file_names_the_file_and_the_counts(file: Path, arrays: Arrays) -> None:
    file.write_bytes(idx_bytes(arrays[TRAIN_IMAGES])[:-5])
    line = refusal(lambda: read_idx(file))
    assert line.startswith(f"{file}: truncated: its header promises 30 x 28 x 28 bytes, but there are only 23515")


def test_a_truncated_gzip_names_the_file(file: Path, arrays: Arrays) -> None:
    whole = gzip.compress(idx_bytes(arrays[TRAIN_IMAGES]))
    for length in (3, 11, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert refusal(lambda: read_idx(file)).startswith(f"{file}: truncated gzip; ")


def test_a_damaged_gzip_names_the_file(file: Path, arrays: Arrays) -> None:
    whole = gzip.compress(idx_bytes(arrays[TRAIN_IMAGES]))
    for place in (2, 10, len(whole) // 2, len(whole) - 8):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert refusal(lambda: read_idx(file)).startswith(f"{file}: ")


def test_bytes_after_the_data_are_refused(file: Path, arrays: Arrays) -> None:
    content = idx_bytes(arrays[TRAIN_LABELS]) + b"\0"
    for stored in (content, gzip.compress(content)):
        file.write_bytes(stored)
        assert refusal(lambda: read_idx(file)).startswith(f"{file}: more bytes than")


@pytest.mark.parametrize("shape", [(1 << 20, 28, 28), (0xFFFFFFFF,) * 3])
def test_a_header_that_lies_takes_no_memory(file: Path, shape: tuple[int, ...]) -> None:
    content = struct.pack(">4I", 0x0803, *shape) + b"\0" * 100
    for stored in (content, gzip.compress(content)):
        file.write_bytes(stored)
        tracemalloc.start()
        assert refusal(lambda: read_idx(file)).startswith(f"{file}: ")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6


def test_a_missing_idx_file_is_named(file: Path) -> None:
    assert refusal(lambda: read_idx(file)).startswith(f"{file}: No such file")


def test_counts_that_do_not_match_name_both_files(tmp_path: Path, arrays: Arrays) -> None:
    arrays[TEST_LABELS] = arrays[TEST_LABELS][:-1]
    line = refusal(lambda: load_mnist(write_idx(tmp_path, arrays)))
    assert line.startswith(f"{tmp_path / TEST_LABELS}.gz: 9 labels for the 10 images of {tmp_path / TEST_IMAGES}.gz")


def test_labels_over_9_name_the_file_and_the_place(tmp_path: Path, arrays: Arrays) -> None:
    arrays[TRAIN_LABELS][4] = 10
    line = refusal(lambda: load_mnist(write_idx(tmp_path, arrays)))
    assert line.startswith(f"{tmp_path / TRAIN_LABELS}.gz: label 10 at index 4, over 9")


@pytest.mark.parametrize("shape", [(30, 27, 28), (30,), (0, 28, 28)])
def test_images_of_another_shape_name_the_file(tmp_path: Path, arrays: Arrays, shape: tuple[int, ...]) -> None:
    arrays[TRAIN_IMAGES] = np.zeros(shape, np.uint8)
    line = refusal(lambda: load_mnist(write_idx(tmp_path, arrays)))
    assert line.startswith(f"{tmp_path / TRAIN_IMAGES}.gz: shape {shape}, not (count, 28, 28)")


def test_images_in_place_of_labels_name_the_file(tmp_path: Path, arrays: Arrays) -> None:
    arrays[TRAIN_LABELS] = arrays[TRAIN_IMAGES]
    line = refusal(lambda: load_mnist(write_idx(tmp_path, arrays)))
    assert line.startswith(f"{tmp_path / TRAIN_LABELS}.gz: shape (30, 28, 28), not (count,) with labels")


def test_a_damaged_download_in_the_cache_says_to_delete_it(home: Path, offline: list[str], arrays: Arrays) -> None:
    write_idx(home, arrays)
    line = refusal(lambda: load_mnist(mirrors=offline))
    assert line.startswith(f"{home / TRAIN_IMAGES}.gz: wrong checksum")
    assert "delete it" in line


def test_a_damaged_npz_names_the_file(tmp_path: Path, arrays: Arrays) -> None:
    path = write_npz(tmp_path / "mnist.npz", arrays.values())
    whole = path.read_bytes()
    for content in (b"", b"not a zip", whole[:-30], whole[:1000] + b"\0" * 50 + whole[1050:]):
        path.write_bytes(content)
        assert refusal(lambda: load_mnist(tmp_path)).startswith(f"{path}: not a readable mnist.npz")


def test_an_npz_without_a_key_names_the_key(tmp_path: Path, arrays: Arrays) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=arrays[TRAIN_IMAGES])
    line = refusal(lambda: load_mnist(tmp_path))
    assert line.startswith(f"{tmp_path / 'mnist.npz'}: ")
    assert "y_train" in line


def test_an_npz_that_would_run_code_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "mnist.npz", [np.array([print, open], dtype=object)] * 4)
    assert "allow_pickle=False" in refusal(lambda: load_mnist(tmp_path))


def test_an_npz_of_other_numbers_is_refused(tmp_path: Path, arrays: Arrays) -> None:
    write_npz(tmp_path / "mnist.npz", [array.astype(np.float32) for array in arrays.values()])
    assert "array x_train has the type float32, not uint8" in refusal(lambda: load_mnist(tmp_path))


@pytest.mark.parametrize("damage", [(b"(30,", b"(1099511627776,"), (b"(30,", b"((30,"), (b"True", b"None")])
def test_an_npz_whose_header_lies_is_refused(tmp_path: Path, arrays: Arrays, damage: tuple[bytes, bytes]) -> None:
    member = io.BytesIO()
    np.save(member, np.asfortranarray(arrays[TRAIN_IMAGES]))
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        archive.writestr("x_train.npy", member.getvalue().replace(*damage))
    assert "not a readable mnist.npz" in refusal(lambda: load_mnist(tmp_path))


def test_an_npz_with_labels_over_9_names_the_array(tmp_path: Path, arrays: Arrays) -> None:
    arrays[TEST_LABELS][0] = 200
    path = write_npz(tmp_path / "mnist.npz", arrays.values())
    assert refusal(lambda: load_mnist(tmp_path)).startswith(f"{path}, array y_test: label 200 at index 0")


# The original


@pytest.fixture(scope="session")
def real_folder() -> Path:
    for place in (os.environ.get("INKREAD_DATA"), Path(__file__).parents[2] / "shared" / "data"):
        for folder in (Path(place or "-"), Path(place or "-") / "mnist"):
            if all((folder / name).is_file() for name in MD5S):
                return folder
    pytest.skip("the original MNIST is neither in INKREAD_DATA nor in ../shared/data")


def test_the_original_is_known_as_such(real_folder: Path) -> None:
    mnist = load_mnist(real_folder)
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.train_labels.shape == (60_000,)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert mnist.test_labels.shape == (10_000,)
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.is_original


def test_a_subset_is_not_the_original(tmp_path: Path, arrays: Arrays) -> None:
    assert not load_mnist(write_idx(tmp_path, arrays)).is_original


def test_one_changed_pixel_is_not_the_original(real_folder: Path) -> None:
    mnist = load_mnist(real_folder)
    mnist.test_images[9_999, 27, 27] ^= 1
    assert not mnist.is_original


def test_the_original_is_downloaded_once_into_the_cache(real_folder: Path, home: Path, offline: list[str]) -> None:
    handler = partial(QuietFiles, directory=str(real_folder))
    told: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            mirror = f"http://127.0.0.1:{server.server_address[1]}"
            mnist = load_mnist(mirrors=[mirror], progress=lambda name, *_: told.append(name))
        finally:
            server.shutdown()
            thread.join()
    assert mnist.is_original
    assert list(dict.fromkeys(told)) == list(MD5S)
    assert sorted(file.name for file in home.iterdir()) == sorted(MD5S)
    assert load_mnist(mirrors=offline).is_original


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
