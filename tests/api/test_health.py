from starlette.testclient import TestClient


def test_anybody_may_ask_whether_the_server_works(stranger: TestClient) -> None:
    reply = stranger.get("/healthz")
    assert (reply.status_code, reply.json()["status"]) == (200, "ok")
    assert reply.headers["cache-control"] == "no-store"
