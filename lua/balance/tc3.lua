-- SPDX-License-Identifier: MIT
--- TC3-HMAC-SHA256, the signature v3 of Tencent Cloud API 3.0, for calls to
-- any of its services with any HTTP client.
-- @module balance.tc3
-- @see https://www.tencentcloud.com/document/api/1108/51765

local core = require "balance.core"

local _M = {}

--- What is to be signed. Every string may hold any byte where the table says
-- so; the others go into headers and may have no control character.
---@class balance.tc3.Request
---@field secret_id string
---@field secret_key string any byte
---@field service string "billing", "cvm", ...
---@field host string byte for byte the Host header that will be sent
---@field token? string of temporary keys; sent, not signed
---@field action? string "DescribeAccountBalance"
---@field version? string of the service's interface, "2018-07-09"
---@field region? string "ap-guangzhou"
---@field method? string "POST"
---@field path? string "/"
---@field query? string "", without the question mark
---@field payload? string "", the body as it will be sent; any byte
---@field timestamp? integer now; Unix time, seconds
---@field headers? table<string, string> what to sign, by lower-case name;
--- content-type (application/json; charset=utf-8), host, and x-tc-action
--- where there is an action

--- Signs a request.
-- @function sign
-- @tparam table request `secret_id`, `secret_key`, `service`, `host`; and,
-- where they differ from the defaults, `token`, `action`, `version`,
-- `region`, `method` ("POST"), `path` ("/"), `query` (""), `payload` (""),
-- `timestamp` (now, Unix seconds), `headers` (those to sign by lower-case
-- name: content-type, host, and x-tc-action with an action)
-- @treturn ?table the headers to send in their usual spelling:
-- `Authorization`, `Host`, `Content-Type`, `X-TC-Timestamp`, ...
-- @treturn ?string where the first is nil, a kind: `resource` without memory,
-- `config` where OpenSSL may not sign
-- @treturn ?string then, a message
-- @raise where a field is unknown, missing, of the wrong type, or has a control
-- character; never for what the world did
---@type fun(request: balance.tc3.Request): table<string, string>?, balance.Kind?, string?
_M.sign = core.sign

return _M
