-- SPDX-License-Identifier: MIT
--- The signature as one writes it down in Lua: every step of the vendor's
-- page, with luaossl for the hashes.
local digest = require "openssl.digest"
local hmac = require "openssl.hmac"

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

local function sign(request)
  local date = os.date("!%Y-%m-%d", request.timestamp)
  local content_type = "application/json; charset=utf-8"
  local signed_headers = "content-type;host;x-tc-action"
  local canonical_request = table.concat({
    "POST", "/", "",
    "content-type:" .. content_type,
    "host:" .. request.host,
    "x-tc-action:" .. request.action:lower(), "",
    signed_headers,
    sha256(request.payload),
  }, "\n")
  local scope = date .. "/" .. request.service .. "/tc3_request"
  local string_to_sign = table.concat({
    "TC3-HMAC-SHA256", tostring(request.timestamp), scope,
    sha256(canonical_request),
  }, "\n")
  local key = hmac_sha256("TC3" .. request.secret_key, date)
  key = hmac_sha256(key, request.service)
  key = hmac_sha256(key, "tc3_request")
  return {
    ["Content-Type"] = content_type, Host = request.host,
    ["X-TC-Action"] = request.action, ["X-TC-Version"] = request.version,
    ["X-TC-Timestamp"] = tostring(request.timestamp),
    Authorization = "TC3-HMAC-SHA256 Credential=" .. request.secret_id .. "/"
      .. scope .. ", SignedHeaders=" .. signed_headers .. ", Signature="
      .. hex(hmac_sha256(key, string_to_sign)),
  }
end

local request = require "bench.sides.sign_request"

require "bench.sides.rounds"(function()
  sign(request)
end, sign(request).Authorization)
