-- SPDX-License-Identifier: MIT
--
-- TC3-HMAC-SHA256 as the service computes it, on luaossl alone. It shares no
-- line with the signer that it judges.

local digest = require "openssl.digest"
local hmac = require "openssl.hmac"

local _M = {}

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

local function sha256(text)
  return hex(digest.new("sha256"):final(text))
end

local function hmac_sha256(key, text)
  return hmac.new(key, "sha256"):final(text)
end

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

--- The canonical request. `headers` maps lower-case names to values as they
-- were received, `names` lists those that are signed, in their order.
function _M.canonical_request(method, path, query, headers, names, payload)
  local lines = {}
  for i, name in ipairs(names) do
    lines[i] = name .. ":" .. trim(headers[name]):lower() .. "\n"
  end
  return table.concat({
    method, path, query, table.concat(lines), table.concat(names, ";"),
    sha256(payload),
  }, "\n")
end

function _M.scope(timestamp, service)
  return os.date("!%Y-%m-%d", timestamp) .. "/" .. service .. "/tc3_request"
end

function _M.string_to_sign(timestamp, scope, canonical_request)
  return table.concat({
    "TC3-HMAC-SHA256", tostring(timestamp), scope, sha256(canonical_request),
  }, "\n")
end

function _M.signature(secret_key, scope, string_to_sign)
  local key = "TC3" .. secret_key
  for part in scope:gmatch("[^/]+") do -- date, service, "tc3_request"
    key = hmac_sha256(key, part)
  end
  return hex(hmac_sha256(key, string_to_sign))
end

return _M
