-- SPDX-License-Identifier: MIT
--- TC3-HMAC-SHA256, the signature v3 of Tencent Cloud API 3.0, for calls to
-- any of its services with any HTTP client.
-- @module balance.tc3
-- @see https://www.tencentcloud.com/document/api/1108/51765

local core = require "balance.core"

local _M = {}

--- Signs a request. `secret_key` and `payload` may have any byte; the others
-- go into headers, and may have no control character.
-- @function sign
-- @tparam table request `secret_id`, `secret_key`, `service`, `host`; and,
-- where they differ from the defaults, `token`, `action`, `version`,
-- `region`, `method` ("POST"), `path` ("/"), `query` (""), `payload` (""),
-- `timestamp` (now, Unix seconds), `headers` (those to sign by lower-case
-- name: content-type, host, and x-tc-action with an action)
-- @treturn ?table the headers to send in their usual spelling:
-- `Authorization`, `Host`, `Content-Type`, `X-TC-Timestamp`, ...
-- @treturn ?string where the first is nil, a kind: `resource` without memory,
-- `config` where OpenSSL does not sign
-- @treturn ?string then, a message
-- @raise where a field is unknown, missing, of the wrong type, or has a
-- control character
_M.sign = core.sign

return _M
