"""The lineage of detectors: four rows, and stacks for what is done once a region."""

from utils.diagrams import detectors


def test_lineage_names_four_detectors_and_stacks_the_work_of_each_region():
    figure = detectors.lineage("Each paper removed one waste")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if word in ("R-CNN", "Fast", "Faster", "YOLO")] == [
        "R-CNN",
        "Fast",
        "Faster",
        "YOLO",
    ]
    colours = [box.get_edgecolor()[:3] for box in figure.axes[0].patches]
    assert figure.get_suptitle() == "Each paper removed one waste"
    by_colour = {colour: colours.count(colour) for colour in set(colours)}
    # Three detectors do two things once a region, three boxes deep, and one more in the legend.
    assert max(by_colour.values()) == 3 * 2 * 3 + 1
