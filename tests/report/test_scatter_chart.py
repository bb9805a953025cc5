"""The points of a page of features: inside of the chart, one color and shape a class."""

from striate.report.scatter_chart import COLORS, HEIGHT, WIDTH, ScatterPoints, scatter_chart


def test_points_lie_inside_and_each_class_has_its_own_mark():
    names = [f"class {n}" for n in range(20)]
    points = [(float(n), -2.0 * n) for n in range(20)]
    chart = scatter_chart(ScatterPoints(points, names, [f"{n}.png" for n in range(20)], [*names, "empty"]))
    assert len({(one.color, one.shape) for one in chart.classes}) == len(chart.classes) == 20
    assert [one.color for one in chart.classes][:8] == list(COLORS)
    for one in chart.classes:
        ((x, y, _),) = one.dots
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    assert chart.classes[3].dots[0][2] == "3.png"
    assert float(chart.classes[0].dots[0][1]) < float(chart.classes[19].dots[0][1])  # up is up


def test_one_point_and_equal_points_lie_in_the_middle():
    for count in (1, 3):
        chart = scatter_chart(ScatterPoints([(5.0, 5.0)] * count, ["a"] * count, ["t"] * count, ["a"]))
        assert {dot[:2] for dot in chart.classes[0].dots} == {("360.0", "260.0")}
