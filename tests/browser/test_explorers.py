"""Explorers in a real browser: their numbers equal those of Python, keys and themes behave."""

import json
import re
from random import Random

import numpy as np
import pytest
import torch
from nbformat.v4 import new_output
from scipy.signal import correlate2d
from torchvision import ops

from utils import arithmetic, explorers, ordinal
from utils.course import slides
from utils.explorers.boxes import DETECTIONS
from utils.explorers.networks import NETWORKS
from utils.explorers.ordinal import SLOPES

MAKERS = {
    "convolution-arithmetic": explorers.convolution_arithmetic,
    "sliding-window": explorers.sliding_window,
    "kernel-editor": explorers.kernel_editor,
    "pooling": explorers.pooling,
    "receptive-field": explorers.receptive_field,
    "parameter-builder": explorers.parameter_builder,
    "shared-weight": explorers.shared_weight,
    "coral-thresholds": explorers.coral_thresholds,
    "overlap": explorers.overlap,
    "region-pooling": explorers.region_pooling,
}


@pytest.fixture
def show(browser, tmp_path):
    """Open HTML from a file; afterwards nothing may have failed or been asked of the network."""
    problems: list[str] = []
    contexts = []

    def open_page(document: str, address: str = "", **options):
        options.setdefault("viewport", {"width": 1180, "height": 720})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: message.type in ("error", "warning") and problems.append(message.text),
        )
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:")) or problems.append(request.url)
            ),
        )
        file = tmp_path / "page.html"
        file.write_text(document, encoding="utf-8")
        page.goto(file.as_uri() + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def host(*markups: str, attributes: str = "", body: str = "", script: str = "") -> str:
    """A plain page of somebody else's, with explorers on it."""
    return (
        f'<!DOCTYPE html><html lang="en" {attributes}><head><meta charset="utf-8"><title>host'
        f"</title>{script}</head><body {body}><main><h1>Host</h1>{''.join(markups)}</main>"
        "</body></html>"
    )


def press_to(page, name: str, value: int, low: int) -> None:
    """Set a slider as a keyboard user does."""
    bar = page.locator(f'input[type=range][name="{name}"]')
    bar.focus()
    page.keyboard.press("Home")
    for _ in range(value - low):
        page.keyboard.press("ArrowRight")


def random_settings(count: int) -> list[tuple[int, int, int, int, int]]:
    dice = Random(2)
    found = [(5, 4, 0, 1, 2)]  # impossible: the kernel spans 7 of 5 pixels
    while len(found) < count:
        found.append(
            (dice.randint(1, 16), dice.randint(1, 9), dice.randint(0, 5), dice.randint(1, 5),
             dice.randint(1, 4))
        )  # fmt: skip
    return found


def test_convolution_arithmetic_equals_output_size_on_random_settings(show):
    page = show(host(explorers.convolution_arithmetic().markup))
    names = {"size": 1, "kernel": 1, "padding": 0, "stride": 1, "dilation": 1}
    possible = 0
    for setting in random_settings(20):
        for (name, low), value in zip(names.items(), setting, strict=True):
            press_to(page, name, value, low)
        result = page.locator("[data-part=result]").inner_text()
        taps = page.locator("[data-part=call]").inner_text()
        size, kernel, padding, stride, dilation = setting
        assert taps == (
            f"nn.Conv2d(1, 1, kernel_size={kernel}, stride={stride}, padding={padding}, "
            f"dilation={dilation})"
        )
        try:
            expected = arithmetic.output_size(*setting)
        except ValueError:
            span = dilation * (kernel - 1) + 1
            assert result.startswith(
                f"No output: the kernel spans {span} pixels, the padded input has only "
                f"{size + 2 * padding}."
            ), setting
            assert page.get_by_role("button", name="Play").is_disabled()
            continue
        possible += 1
        assert result.startswith(f"Output: {expected} × {expected}."), setting
        formula = page.locator("[data-part=formula]").inner_text()
        assert formula.endswith(f"+ 1 = {expected}")
        assert page.locator("rect.real").count() == size**2
    page.wait_for_timeout(200)
    assert page.locator("[role=status]").text_content() == result, "what a screen reader hears"
    assert 8 <= possible <= 19


def test_the_window_steps_plays_and_follows_keys_and_clicks(show):
    page = show(host(explorers.convolution_arithmetic(7, 3, 1, 2).markup))
    where = page.locator("[data-part=position]")
    assert where.inner_text().startswith("Output row 0, column 0 reads input rows −1 to 1")
    page.get_by_role("button", name="One position on").click()
    assert where.inner_text().startswith("Output row 0, column 1 reads input rows −1 to 1")
    page.locator("[data-part=picture]").focus()
    page.keyboard.press("ArrowDown")
    assert "row 1, column 1 reads input rows 1 to 3" in where.inner_text()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # already at the first place
    assert where.inner_text().startswith("Output row 0, column 0 ")
    page.locator("rect[style*=pointer]").nth(14).click()
    assert where.inner_text().startswith("Output row 3, column 2 ")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "document.querySelector('[data-part=position]').textContent.includes('row 3, column 3')"
    )
    page.get_by_role("button", name="Play").wait_for()  # it stopped by itself at the end


def test_sliding_window_adds_up_what_scipy_adds_up(show):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (14, 17), dtype=np.uint8)
    weights = rng.normal(size=(3, 5)).round(3)
    page = show(host(explorers.sliding_window(image, weights, bias=0.25).markup))
    expected = correlate2d(image / 255, weights, mode="valid") + 0.25
    root = page.locator(".cnn-explorer")
    page.locator("[data-part=picture]").focus()
    row = column = 0
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        row += {"ArrowDown": 1, "ArrowUp": -1}.get(key, 0)
        column += {"ArrowRight": 1, "ArrowLeft": -1}.get(key, 0)
        assert abs(float(root.get_attribute("data-value")) - expected[row, column]) < 1e-9
        shown = f"{expected[row, column]:.2f}".replace("-", "−")
        words = page.locator("[data-part=position]").inner_text()
        assert words.startswith(f"Row {row}, column {column}: ") and f" is {shown}." in words
        assert page.locator("[data-part=sum]").text_content() == f"= {shown}"
    page.get_by_role("button", name="Fill the whole feature map").click()
    assert f"{expected.size} of {expected.size} cells filled" in root.inner_text()


def test_sliding_window_plays_in_a_static_page(show):
    page = show(host(explorers.sliding_window().markup))
    page.locator("select[name=speed]").select_option("fast")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "Number(/(\\d+) of 576/.exec(document.querySelector('[data-part=position]')"
        ".textContent)[1]) > 40"
    )
    page.get_by_role("button", name="Pause").click()
    before = page.locator("[data-part=position]").inner_text()
    page.wait_for_timeout(150)
    assert page.locator("[data-part=position]").inner_text() == before


def test_kernel_editor_computes_what_scipy_computes(show):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (20, 31), dtype=np.uint8)
    page = show(host(explorers.kernel_editor(image, alt="noise").markup))
    root = page.locator(".cnn-explorer")

    def compare(weights):
        expected = correlate2d(image / 255, weights, mode="valid")
        for name, value in (
            ("low", expected.min()),
            ("high", expected.max()),
            ("mean", expected.mean()),
        ):
            assert abs(float(root.get_attribute(f"data-{name}")) - value) < 1e-9
        rows, columns = expected.shape
        assert f"Map of {rows} × {columns}" in page.locator("[data-part=result]").inner_text()

    for name, (weights, divisor) in explorers.PRESETS.items():
        page.locator("select[name=preset]").select_option(name)
        compare(np.array(weights) / divisor)
    page.locator("select[name=side]").select_option("5")
    own = rng.integers(-4, 5, (5, 5)).astype(float)
    own[0, 0] = 0.5
    for (row, column), value in np.ndenumerate(own):
        page.get_by_label(f"row {row + 1}, column {column + 1}").fill(str(value))
    compare(own)
    page.locator("input[name=divisor]").fill("4")
    page.locator("input[name=flip]").check()
    compare(own[::-1, ::-1] / 4)


def test_pooling_equals_torch(show):
    page = show(host(explorers.pooling().markup))
    root = page.locator(".cnn-explorer")
    dice = Random(3)
    for _ in range(10):
        right, down = dice.randint(-3, 3), dice.randint(-3, 3)
        window, stride = dice.randint(1, 4), dice.randint(1, 4)
        kind = dice.choice(["max", "average", "pick"])
        press_to(page, "right", right, -3)
        press_to(page, "down", down, -3)
        press_to(page, "window", window, 1)
        press_to(page, "stride", stride, 1)
        page.locator("select[name=kind]").select_option(kind)

        def pooled(right, down, kind=kind, window=window, stride=stride):
            image = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
            image[0, 0, 3 + down : 8 + down, 3 + right : 8 + right] = torch.tensor(
                explorers.PATTERN
            )
            if kind == "max":
                return image, torch.nn.functional.max_pool2d(image, window, stride)
            if kind == "average":
                return image, torch.nn.functional.avg_pool2d(image, window, stride)
            length = arithmetic.output_size(12, window, stride=stride)
            return image, image[:, :, ::stride, ::stride][:, :, :length, :length]

        (image, result), (still, before) = pooled(right, down), pooled(0, 0)
        shown = torch.tensor(json.loads(root.get_attribute("data-pooled")), dtype=torch.float64)
        assert torch.allclose(shown, result[0, 0], atol=1e-7)
        words = page.locator("[data-part=result]").inner_text()
        moved = [int(((a - b).abs() > 1e-6).sum()) for a, b in ((image, still), (result, before))]
        assert re.findall(r"(\d+) of", words) == [str(n) for n in moved]


def test_receptive_field_equals_arithmetic(show):
    page = show(host(explorers.receptive_field().markup))
    root = page.locator(".cnn-explorer")
    for name, stack in explorers.STACKS.items():
        page.locator("select").select_option(name)
        check_fields(root, stack)
    page.get_by_role("button", name="Add a layer").click()
    dice = Random(4)
    for _ in range(8):
        stack = [(dice.randint(1, 5), dice.randint(1, 2), dice.randint(1, 2)) for _ in range(4)]
        for layer, numbers in enumerate(stack, start=1):
            for word, value in zip(("kernel", "stride", "dilation"), numbers, strict=True):
                page.get_by_label(f"{word} of layer {layer}").fill(str(value))
        check_fields(root, stack)


def check_fields(root, stack) -> None:
    expected = arithmetic.receptive_field([(k, s, 0, d) for k, s, d in stack])
    assert json.loads(root.get_attribute("data-fields")) == [step.field for step in expected]
    assert json.loads(root.get_attribute("data-jumps")) == [step.jump for step in expected]
    words = root.locator("[data-part=result]").inner_text()
    assert words.startswith(f"One unit of layer {len(stack)} sees {expected[-1].field} input")
    if expected[-1].field <= 80:
        lit = len({k for k in range(expected[-1].field)} & reached(stack))
        assert root.locator("rect.seen").count() == lit


def reached(stack) -> set[int]:
    """Input pixels that one unit depends on, found with a gradient."""
    x = torch.zeros(1, 1, 200, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride, dilation in stack:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = torch.nn.functional.conv1d(y, ones, stride=stride, dilation=dilation)
    y[0, 0, 0].backward()
    return set(torch.nonzero(x.grad[0, 0]).ravel().tolist())


def built(channels: int, layers) -> torch.nn.Sequential:
    """The network of the parameter builder's layers, on the meta device."""
    modules, flat = [], False
    with torch.device("meta"):
        for kind, *numbers in layers:
            if kind == "conv":
                maps, kernel, stride, padding = numbers
                modules.append(torch.nn.LazyConv2d(maps, kernel, stride, padding))
            elif kind == "pool":
                modules.append(torch.nn.MaxPool2d(*numbers))
            else:
                modules += [] if flat else [torch.nn.Flatten()]
                flat = True
                modules.append(torch.nn.LazyLinear(numbers[0]))
    return torch.nn.Sequential(*modules)


def compare_counts(root, channels: int, side: int, layers) -> None:
    model = built(channels, layers)
    picture = torch.empty(1, channels, side, side, device="meta")
    model(picture)  # the lazy layers take their shapes
    table = arithmetic.layer_table(model, (channels, side, side))
    expected = [
        {"output": list(row.output_shape), "parameters": row.parameters, "macs": row.macs}
        for row in table
        if row.kind != "Flatten"
    ]
    assert json.loads(root.get_attribute("data-counts")) == expected
    assert int(root.get_attribute("data-parameters")) == arithmetic.count_parameters(model)
    macs = arithmetic.count_macs(model, (channels, side, side))
    assert int(root.get_attribute("data-macs")) == macs


def test_parameter_builder_counts_what_the_modules_hold(show):
    page = show(host(explorers.parameter_builder().markup))
    root = page.locator(".cnn-explorer")
    for name, ((channels, side), layers) in NETWORKS.items():
        page.locator("select[name=preset]").select_option(name)
        compare_counts(root, channels, side, layers)
    page.locator("select[name=preset]").select_option("Only convolutions")
    dice = Random(5)
    for _ in range(6):
        side = dice.randint(20, 60)
        page.get_by_label("input side").fill(str(side))
        layers = [
            [
                "conv",
                dice.randint(1, 64),
                dice.randint(1, 5),
                dice.randint(1, 2),
                dice.randint(0, 2),
            ]
            for _ in range(3)
        ]
        for n, (_, *numbers) in enumerate(layers, start=1):
            for word, value in zip(
                ("channels", "kernel", "stride", "padding"), numbers, strict=True
            ):
                page.get_by_label(f"{word} of layer {n}").fill(str(value))
        page.get_by_label("kernel of layer 4").fill("1")
        compare_counts(root, 3, side, [*layers, ("pool", 1, 4, 0), ("dense", 10)])
    page.get_by_label("input side").fill("2")
    page.get_by_label("kernel of layer 1").fill("9")
    assert "Layer 1 cannot be built: its kernel of 9 does not fit" in root.inner_text()
    page.get_by_label("kernel of layer 1").fill("3")
    page.get_by_label("input side").fill("40")
    page.get_by_role("button", name="Add a convolution").click()  # goes before the dense layer
    assert page.evaluate("document.activeElement.ariaLabel") == "channels of layer 5"
    added = [*layers, ("pool", 1, 4, 0), ("conv", 16, 3, 1, 1), ("dense", 10)]
    added[0] = ["conv", layers[0][1], 3, *layers[0][3:]]
    compare_counts(root, 3, 40, added)
    page.get_by_role("button", name="Remove layer 2").click()
    del added[1]
    compare_counts(root, 3, 40, added)
    page = show(explorers.page(explorers.parameter_builder()), "#layers=dense,10;conv,8,3,1,1")
    assert "put it before the dense layers" in page.locator(".cnn-explorer").inner_text()


def test_shared_weight_gathers_what_autograd_computes(show):
    page = show(host(explorers.shared_weight().markup))
    root = page.locator(".cnn-explorer")
    dice = Random(6)
    for method in ("sum", "average"):
        values = [[round(dice.uniform(-3, 3), 1) for _ in range(count)] for count in (4, 2, 3)]
        for name, numbers in zip(("input", "weight", "target"), values, strict=True):
            for k, value in enumerate(numbers, start=1):
                page.get_by_label(f"{name} {k}", exact=True).fill(str(value))
        page.locator("select[name=update]").select_option(method)
        signal, weights, targets = (torch.tensor(v, dtype=torch.float64) for v in values)
        copies = weights.repeat(3, 1).requires_grad_()  # one copy a use
        outputs = (signal.unfold(0, 2, 1) * copies).sum(1)
        (0.5 * (outputs - targets).square().sum()).backward()
        for step in range(1, 5):
            page.get_by_role("button", name="Next step").click()
            shown = torch.tensor(json.loads(root.get_attribute("data-gradient")))
            assert torch.allclose(shown.double(), copies.grad[: min(step, 3)].sum(0), atol=1e-6)
        gradient = copies.grad.sum(0) if method == "sum" else copies.grad.mean(0)
        after = torch.tensor(json.loads(root.get_attribute("data-updated"))).double()
        assert torch.allclose(after, weights - 0.1 * gradient, atol=1e-6)
        assert page.get_by_role("button", name="Next step").is_disabled()
        page.get_by_role("button", name="Take the step").click()
        assert root.get_attribute("data-step") == "0"
        typed = float(page.get_by_label("weight 1", exact=True).input_value())
        assert abs(typed - after[0]) < 1e-6
        page.get_by_role("button", name="Reset").click()


def test_coral_thresholds_equal_the_ordinal_module(show):
    page = show(host(explorers.coral_thresholds().markup))
    root = page.locator(".cnn-explorer")
    dice = Random(7)
    contradictions = 0
    for method in ("CORAL", "OR"):
        page.locator("select[name=method]").select_option(method)
        for _ in range(5):
            score, *biases = [round(dice.uniform(-6, 6), 1) for _ in range(6)]
            for name, value in zip(
                ("score", "b1", "b2", "b3", "b4", "b5"), (score, *biases), strict=True
            ):
                page.locator(f"input[name={name}]").fill(str(value))
            slopes = torch.tensor(SLOPES if method == "OR" else [1.0] * 5, dtype=torch.float64)
            logits = (slopes * score + torch.tensor(biases, dtype=torch.float64))[None]
            shown = torch.tensor(json.loads(root.get_attribute("data-probabilities"))).double()
            assert torch.allclose(shown, logits.sigmoid()[0], atol=1e-6)
            assert int(root.get_attribute("data-label")) == int(ordinal.predict_rank(logits))
            found = int(ordinal.rank_inconsistencies(logits))
            assert int(root.get_attribute("data-inconsistencies")) == found
            contradictions += found
    assert contradictions > 0
    page.locator("select[name=method]").select_option("CORAL")
    page.get_by_role("button", name="Order the biases").click()
    assert root.get_attribute("data-inconsistencies") == "0"
    page.locator("[data-part=picture]").focus()
    before = float(page.locator("input[name=score]").input_value())
    page.keyboard.press("ArrowRight")
    assert abs(float(page.locator("input[name=score]").input_value()) - before - 0.1) < 1e-9


def test_overlap_equals_torchvision(show):
    page = show(host(explorers.overlap().markup))
    root = page.locator(".cnn-explorer")
    dice = Random(8)

    def compare(threshold):
        address = [list(map(float, box)) for box in boxes]
        corners = torch.tensor([box[:4] for box in address])
        scores = torch.tensor([box[4] for box in address])
        shown = torch.tensor(json.loads(root.get_attribute("data-iou")))
        assert torch.allclose(shown, ops.box_iou(corners, corners), atol=1e-6)
        kept = ops.nms(corners, scores, threshold).tolist()
        assert json.loads(root.get_attribute("data-kept")) == kept

    boxes = [list(box) for box in DETECTIONS]
    compare(0.5)
    for _ in range(4):
        for k in range(5):
            x, y = dice.randint(0, 25), dice.randint(0, 15)
            boxes[k] = [x, y, x + dice.randint(5, 15), y + dice.randint(5, 15), boxes[k][4]]
            page.locator("select[name=chosen]").select_option(str(k))
            names = ("left", "top", "right", "bottom")
            for name, value in zip(names, (0, 0, 40, 30), strict=True):  # any order stays a box
                page.locator(f"input[name={name}]").fill(str(value))
            for name, value in zip(names, boxes[k], strict=False):
                page.locator(f"input[name={name}]").fill(str(value))
        percent = dice.randint(5, 60)
        press_to(page, "threshold", percent, 0)
        compare(percent / 100)
    page.locator("select[name=chosen]").select_option("2")
    page.locator("[data-part=picture]").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    moved = 1 if boxes[2][0] > 0 else 0
    boxes[2] = [boxes[2][0] - moved, boxes[2][1], boxes[2][2] - moved, boxes[2][3] - 1, boxes[2][4]]
    compare(percent / 100)
    page.get_by_role("button", name="Reset").click()
    (x, y), (x2, y2) = page.locator("[data-part=picture]").evaluate(
        """picture => [[12, 8], [15, 10]].map(([x, y]) => {
          const point = new DOMPoint(14 * x, 14 * y).matrixTransform(picture.getScreenCTM());
          return [point.x, point.y];
        })"""
    )
    page.locator("select[name=chosen]").select_option("0")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x2, y2, steps=4)
    page.mouse.up()
    boxes = [list(box) for box in DETECTIONS]
    boxes[0] = [7, 7, 23, 26, 0.9]
    compare(0.5)


def test_region_pooling_equals_torchvision(show):
    page = show(host(explorers.region_pooling().markup))
    root = page.locator(".cnn-explorer")
    ramp = (8 * torch.arange(8.0)[:, None] + torch.arange(8.0))[None, None].double()
    dice = Random(9)
    settings = [(1.3, 1.3, 5.3, 5.3), (0.0, 0.0, 8.0, 8.0), (6.6, 0.4, 7.9, 7.7)]
    settings += [
        (x, y, round(x + dice.uniform(0.2, 8 - x), 1), round(y + dice.uniform(0.2, 8 - y), 1))
        for x, y in [(round(dice.uniform(0, 6), 1), round(dice.uniform(0, 6), 1)) for _ in range(6)]
    ]
    for aligned in (True, False):
        page.locator("input[name=aligned]").set_checked(aligned)
        for setting in settings:
            for name, value in (("x1", 0), ("y1", 0), ("x2", 8), ("y2", 8)):
                page.locator(f"input[name={name}]").fill(str(value))
            for name, value in zip(("x1", "y1", "x2", "y2"), setting, strict=True):
                page.locator(f"input[name={name}]").fill(str(value))
            box = [torch.tensor([setting], dtype=torch.float64)]
            shown = torch.tensor(json.loads(root.get_attribute("data-aligned"))).double()
            expected = ops.roi_align(ramp, box, 2, 1.0, 2, aligned=aligned).ravel()
            assert torch.allclose(shown, expected, atol=1e-5), setting
            if all((value * 10) % 10 != 5 for value in setting):  # a half is rounded either way
                shown = torch.tensor(json.loads(root.get_attribute("data-pooled"))).double()
                assert torch.equal(shown, ops.roi_pool(ramp, box, 2, 1.0).ravel()), setting


def drag(page, start: tuple[float, float], end: tuple[float, float], group: int = 0) -> None:
    """Drag within a drawing, from and to points in the units of one of its groups."""
    (x, y), (x2, y2) = page.locator("[data-part=picture]").evaluate(
        """(picture, [group, ...points]) => points.map(([x, y]) => {
          const inner = picture.querySelectorAll(':scope > g')[group];
          const point = new DOMPoint(x, y).matrixTransform(inner.getScreenCTM());
          return [point.x, point.y];
        })""",
        [group, start, end],
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x2, y2, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("width", [1180, 390])
def test_drawings_can_be_dragged_also_where_they_are_stacked(show, width):
    size = {"viewport": {"width": width, "height": 1500}}
    page = show(explorers.page(explorers.pooling()), **size)
    drag(page, (170, 200), (170 + 2 * 340 / 12, 200 - 340 / 12))
    assert page.locator("[data-part=result]").inner_text().startswith("Shift 2 right, −1 down")
    page = show(explorers.page(explorers.region_pooling()), **size)
    ramp = (8 * torch.arange(8.0)[:, None] + torch.arange(8.0))[None, None].double()

    def region() -> tuple[float, ...]:
        inputs = (page.locator(f"input[name={name}]") for name in ("x1", "y1", "x2", "y2"))
        return tuple(float(field.input_value()) for field in inputs)

    for group, x0 in ((0, 6), (1, 420)):  # the region by its middle, in either map
        page.get_by_role("button", name="Reset").click()
        drag(page, (x0 + 3 * 37, 40 + 3 * 37), (x0 + 4 * 37, 40 + 2.5 * 37), group)
        assert region() == pytest.approx((2.3, 0.8, 6.3, 4.8), abs=0.11)  # a pixel's width
    drag(page, (420 + 6.3 * 37, 40 + 4.8 * 37), (420 + 7 * 37, 40 + 6 * 37), 1)  # its corner
    assert region() == pytest.approx((2.3, 0.8, 7.0, 6.0), abs=0.11)
    shown = torch.tensor(json.loads(page.locator(".cnn-explorer").get_attribute("data-aligned")))
    corners = [torch.tensor([region()], dtype=torch.float64)]
    expected = ops.roi_align(ramp, corners, 2, 1.0, 2, aligned=True).ravel()
    assert torch.allclose(shown.double(), expected, atol=1e-5)
    page = show(explorers.page(explorers.coral_thresholds()), **size)

    def at(score):
        return 52 + (score + 8) / 16 * 430

    drag(page, (at(1), 150), (at(-3), 150))
    assert float(page.locator("input[name=score]").input_value()) == pytest.approx(-3, abs=0.11)
    drag(page, (at(-4), 340), (at(-1), 340))  # the first threshold passes the second
    assert float(page.locator("input[name=b1]").input_value()) == pytest.approx(1, abs=0.11)
    assert page.locator(".cnn-explorer").get_attribute("data-inconsistencies") == "1"
    page.locator("[data-part=picture]").focus()
    page.keyboard.press("5")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("input[name=b5]").input_value() == "-4.1"


@pytest.mark.parametrize("name", MAKERS)
def test_a_telephone_shows_type_one_can_read(show, name):
    page = show(explorers.page(MAKERS[name]()), viewport={"width": 390, "height": 800})
    small = page.evaluate(
        """() => [...document.querySelectorAll('.cnn-explorer svg text')].filter(text => {
          const scale = text.getScreenCTM().a;
          return text.textContent && parseFloat(getComputedStyle(text).fontSize) * scale < 11;
        }).map(text => text.textContent)"""
    )
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if page.locator("[data-narrow]").count():  # turned round, it has room again
        page.set_viewport_size({"width": 1180, "height": 800})
        page.wait_for_function("!document.querySelector('[data-narrow]')")


# ------------------------------------------------------------------------- as a guest on a page


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violations(show, axe, name, scheme):
    page = show(explorers.page(MAKERS[name]()), color_scheme=scheme)
    assert page.locator(".cnn-explorer").get_attribute("data-theme") == scheme
    found = axe.run(page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


@pytest.mark.parametrize("name", MAKERS)
def test_fits_a_slide_in_large_type(show, name):
    page = show(
        host(f'<div class="reveal" style="width:1150px">{MAKERS[name]().markup}</div>'),
        viewport={"width": 1280, "height": 720},
    )
    box = page.locator(".cnn-explorer").bounding_box()
    assert box["width"] <= 1150 and box["height"] <= 560
    outside = page.evaluate(
        "[...document.querySelectorAll('.cnn-explorer *')].filter(n => n.clientWidth && "
        "n.getBoundingClientRect().right > document.querySelector('.cnn-explorer')"
        ".getBoundingClientRect().right + 1).map(n => n.outerHTML.slice(0, 80))"
    )
    assert outside == []
    small = page.evaluate(
        "[...document.querySelectorAll('.cnn-explorer :is(p, label, button, legend, select, "
        "input[type=number])')]"
        ".filter(n => parseFloat(getComputedStyle(n).fontSize) < 17.9 && !n.closest('.unseen'))"
        ".map(n => n.outerHTML.slice(0, 80))"
    )
    assert small == []


def test_narrow_pages_do_not_overflow(show):
    page = show(
        host(*(make().markup for make in MAKERS.values())), viewport={"width": 420, "height": 900}
    )
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 420


def test_several_share_a_page_and_leave_no_globals(show):
    page = show(
        host(
            explorers.convolution_arithmetic().markup,
            explorers.convolution_arithmetic(9, 5, number=2).markup,
            explorers.convolution_arithmetic(9, 5, number=2).markup,  # a cell that ran twice
            script="<script>window.before = Object.keys(window).length + 1;</script>",
        )
    )
    assert page.evaluate("Object.keys(window).length - before") == 0
    results = page.locator("[data-part=result]")
    assert results.count() == 3
    bar = page.locator("#explorer-convolution-arithmetic input[name=size]")
    bar.focus()
    page.keyboard.press("ArrowRight")
    assert results.nth(0).inner_text().startswith("Output: 6 × 6")
    assert results.nth(1).inner_text().startswith("Output: 5 × 5")


def test_keys_of_a_control_do_not_turn_the_slide(show):
    page = show(
        host(
            f'<div class="reveal">{explorers.convolution_arithmetic().markup}</div>',
            script="<script>window.turned = []; document.addEventListener('keydown', "
            "event => turned.push(event.key));</script>",
        )
    )
    page.locator("input[name=size]").focus()
    for key in ("ArrowRight", "ArrowDown", "Home", "End", "f", "Space"):
        page.keyboard.press(key)
    assert page.evaluate("turned") == []
    page.keyboard.press("PageDown")  # a presenter's clicker
    assert page.evaluate("turned") == ["PageDown"]
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.locator("input[name=size]").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("turned") == ["PageDown", "ArrowRight"]


@pytest.fixture(scope="module")
def deck(browser, synthetic, tmp_path_factory):
    """Slides made by the course of a notebook that holds every explorer."""
    folder = tmp_path_factory.mktemp("explorers")
    cells = [synthetic.markdown("# Explorers\n\nAll of them.", "slide")]
    for make in MAKERS.values():
        made = make()
        data = {"text/html": made.markup, "text/plain": made.text}
        output = new_output("execute_result", data, execution_count=1)
        cells.append(synthetic.markdown(f"## {made.title}, tried by hand", "slide"))
        cells.append(synthetic.code("explorer", "-", [output], ["hide-input"]))
    notebook = synthetic.write(synthetic.notebook(cells), folder / "90_explorers.ipynb")
    slides.copy_assets(folder / "slides")
    return slides.build_deck(notebook, folder / "slides").path


def test_explorers_fit_and_work_on_the_slides_of_the_course(deck, open_deck, traffic, checks):
    page = open_deck(deck.as_uri())
    assert checks.slides_that_do_not_fit(page) == []
    page.evaluate("Reveal.slide(1)")
    bar = page.locator("#explorer-convolution-arithmetic input[name=size]")
    bar.focus()
    page.keyboard.press("ArrowRight")
    result = page.locator("#explorer-convolution-arithmetic [data-part=result]")
    assert result.inner_text().startswith("Output: 6 × 6.")
    assert page.evaluate("Reveal.getIndices().h") == 1
    page.keyboard.press("PageDown")
    assert page.evaluate("Reveal.getIndices().h") == 2
    for name in MAKERS:
        hidden = page.evaluate(
            """name => {
              const root = document.getElementById('explorer-' + name);
              const slide = Reveal.getSlides().findIndex(slide => slide.contains(root));
              Reveal.slide(slide);
              return [...root.querySelectorAll('input, button, select, svg, canvas')]
                .filter(part => !part.getClientRects().length).map(part => part.outerHTML);
            }""",
            name,
        )
        assert hidden == [], "reveal.js's own style hides a part"
    assert traffic.outside == [] and traffic.errors == []


def test_the_theme_follows_the_page(show):
    page = show(
        host(
            explorers.pooling().markup,
            script="<style>body{background:#fff;color:#111}"
            "html[data-theme=dark] body{background:#111;color:#eee}</style>",
        )
    )
    root = page.locator(".cnn-explorer")
    assert root.get_attribute("data-theme") == "light"
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    page.wait_for_function("document.querySelector('.cnn-explorer').dataset.theme === 'dark'")


def test_a_page_of_its_own_keeps_the_setting_in_the_address(show):
    page = show(explorers.page(explorers.convolution_arithmetic()), "#size=9&kernel=3&stride=2")
    assert page.locator("[data-part=result]").inner_text().startswith("Output: 4 × 4.")
    press_to(page, "padding", 2, 0)
    assert "padding=2" in page.url and "size=9" in page.url
    page = show(explorers.page(explorers.kernel_editor()), "#weights=0,0,0;0,2,0;0,0,0&divisor=4")
    assert "The weights add up to 0.50." in page.locator("[data-part=result]").inner_text()
    page = show(host(explorers.convolution_arithmetic().markup), "#size=9")
    assert page.locator("[data-part=result]").inner_text().startswith("Output: 5 × 5.")
    press_to(page, "padding", 2, 0)
    assert page.url.endswith("#size=9"), "on another's page the address is not ours"


@pytest.mark.parametrize("name", MAKERS)
def test_every_setting_can_be_linked(show, name):
    page = show(explorers.page(MAKERS[name]()))
    control = page.locator("input[type=range], input[type=number], button:enabled").first
    control.focus()
    page.keyboard.press("ArrowRight" if control.get_attribute("type") == "range" else "ArrowUp")
    if control.evaluate("e => e.tagName") == "BUTTON":
        page.get_by_role("button", name="One position on").click()
    root = page.locator(".cnn-explorer")
    address = root.get_attribute("data-address")
    assert page.url.endswith(f"#{address}")
    words = heard_and_seen(page)
    again = show(explorers.page(MAKERS[name]()), f"#{address}")
    assert again.locator(".cnn-explorer").get_attribute("data-address") == address
    assert heard_and_seen(again) == words
    assert heard_and_seen(show(explorers.page(MAKERS[name]()))) != words


def heard_and_seen(page) -> list[str]:
    """An explorer's sentences and the numbers in its controls."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.cnn-explorer :is(p, input, select, ol)')]
          .filter(part => part.role !== 'status').map(part => part.value ?? part.innerText)"""
    )


def test_less_motion_where_it_is_asked_for(show):
    page = show(host(explorers.convolution_arithmetic().markup), reduced_motion="reduce")
    moving = page.locator(".ex-moving").first
    assert moving.evaluate("node => getComputedStyle(node).transitionDuration") in ("0s", "")


def test_without_scripts_a_sentence_remains(show):
    page = show(host(explorers.convolution_arithmetic().markup), java_script_enabled=False)
    assert page.get_by_text("kernel 3, padding 0, stride 1, dilation 1: output 5.").is_visible()
