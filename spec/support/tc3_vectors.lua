-- SPDX-License-Identifier: MIT
--- The examples that Tencent Cloud publishes for signature v3, with every
-- intermediate value. The asterisks are part of the keys.
local payload = [[{"Limit": 1, "Filters": [{"Values": ]]
  .. [[["\u672a\u547d\u540d"], "Name": "instance-name"}]}]]
local content_type = { "content-type", "application/json; charset=utf-8" }
local host = { "host", "cvm.tencentcloudapi.com" }
local hashed_payload =
  "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"

return {
  {
    name = "older page, content-type;host",
    secret_id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
    secret_key = "Gu5t9xGARNpq86cd98joQYCN3*******",
    headers = { content_type, host },
    signed_headers = "content-type;host",
    payload = payload,
    hashed_payload = hashed_payload,
    hashed_canonical_request =
      "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
    secret_date =
      "f1cb4d518a0eda9d5cbbfdb7850983f1e603eeae484edea76e4dd8d8deb5556e",
    secret_service =
      "e7c609ce81bea53546bed2cc904778bef9ca14082e48e67883443ed64e227cd7",
    secret_signing =
      "8aa8ab5755582f576e94bcfe383b8e29325b0ca90c3590d569221c6a63a091ed",
    signature =
      "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c",
  },
  {
    name = "current page, content-type;host;x-tc-action",
    secret_id = "AKID********************************",
    secret_key = "********************************",
    action = "DescribeInstances",
    headers = { content_type, host, { "x-tc-action", "DescribeInstances" } },
    signed_headers = "content-type;host;x-tc-action",
    payload = payload,
    hashed_payload = hashed_payload,
    hashed_canonical_request =
      "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
    secret_date =
      "da98fb70dcf6b112dc21038d1eeeb3a95c74b4dcb12c1131f864f6066bd02be0",
    secret_service =
      "8d70cbefb03939f929db64d32dc2ba89b1095620119fe3e050e2b18c5bd2752f",
    secret_signing =
      "b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af",
    signature =
      "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
  },
  {
    name = "older page with its unmasked example key",
    secret_id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
    secret_key = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
    headers = { content_type, host },
    signed_headers = "content-type;host",
    payload = payload,
    hashed_payload = hashed_payload,
    hashed_canonical_request =
      "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
    secret_date =
      "d1308c81fe71cfd4e06437bbc067b2b8a3d2d8c0e375d547f15c41d5214b395a",
    signature =
      "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
  },
}
