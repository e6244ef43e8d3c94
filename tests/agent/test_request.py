import pytest

from agent.request import path_of, takes_gzip


@pytest.mark.parametrize(
    "accepts",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "*",
        "deflate, gzip",
        " br ,\tgzip ; q = 0.5 ",
        "gzip;q=1.000",
        "gzip;q=0.001",
        "*;q=0,gzip",
        "identity;q=0, gzip",
    ],
)
def test_gzip_is_for_those_who_take_it(accepts: str) -> None:
    assert takes_gzip(accepts)


@pytest.mark.parametrize(
    "accepts",
    [
        "",
        ",",
        "identity",
        "deflate",
        "gzippy",
        "gzip;q=0",
        "gzip; Q=0.0",
        "gzip ;\tq = 0.000",
        "GZip;q=0",
        "*;q=0",
        "gzip;q=0,*",
        "gzip;level=9;q=0",
    ],
)
def test_gzip_is_not_for_those_who_do_not(accepts: str) -> None:
    assert not takes_gzip(accepts)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/metrics", "/metrics"),
        ("/metrics?name=x", "/metrics"),
        ("http://gpu-1:9479/metrics", "/metrics"),
        ("HTTPS://[::1]/metrics?name=x", "/metrics"),
        ("http://gpu-1", "/"),
        ("http://gpu-1?name=x", "/"),
        ("/?url=http://gpu-1/metrics", "/"),
        ("*", "*"),
    ],
)
def test_a_target_leads_to_a_path(target: str, path: str) -> None:
    assert path_of(target) == path
