-- SPDX-License-Identifier: MIT
--
-- Calls any service of Tencent Cloud: balance.tc3.sign makes the headers, an
-- HTTP client of your choice sends them. Here that is the command curl; with
-- lua-resty-http, `call` would be one httpc:request_uri.
--
--   lua sign_any_tencent_api.lua                    the balance, as a trial
--   lua sign_any_tencent_api.lua cvm DescribeZones 2017-03-12 \
--     ap-singapore '{}'
--
-- The keys come from TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and,
-- with temporary ones, TENCENTCLOUD_TOKEN; TENCENT_ENDPOINT replaces the
-- international site's https://SERVICE.intl.tencentcloudapi.com.
local cjson = require "cjson.safe"
local sign = require("balance.tc3").sign

local function give_up(why)
  io.stderr:write(why, "\n")
  os.exit(1)
end

local function from_environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function key(name)
  return from_environment(name) or give_up(name .. " is not set")
end

-- A value in curl's configuration file.
local escapes = {
  ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t",
}
local function quote(text)
  return '"' .. text:gsub('[\\"\n\r\t]', escapes) .. '"'
end

-- Secrets go through curl's standard input, because every user of a machine
-- can read the arguments of every command. The answer comes in a file, because
-- Lua's pipes go one way only.
local function call(url, headers, payload)
  local path = os.tmpname()
  local lines = {
    "url = " .. quote(url),
    "output = " .. quote(path),
    "data-raw = " .. quote(payload),
    "max-time = 10",
    "silent",
    "show-error",
  }
  for name, value in pairs(headers) do
    lines[#lines + 1] = "header = " .. quote(name .. ": " .. value)
  end
  local curl = assert(io.popen("curl --disable --config -", "w"))
  curl:write(table.concat(lines, "\n"), "\n")
  curl:close()

  local file = assert(io.open(path, "rb"))
  local answer = file:read("*a")
  file:close()
  os.remove(path)
  return answer
end

local service = arg[1] or "billing"
local action = arg[2] or "DescribeAccountBalance"
local version = arg[3] or "2018-07-09"
local region = arg[4] ~= "" and arg[4] or nil
local payload = arg[5] or "{}"

local endpoint = from_environment "TENCENT_ENDPOINT"
  or ("https://%s.intl.tencentcloudapi.com"):format(service)

-- The signed host and payload must be those that are sent, byte for byte.
-- `headers` has all headers that the service needs, and is good for 5 minutes.
local headers = sign {
  secret_id = key "TENCENTCLOUD_SECRET_ID",
  secret_key = key "TENCENTCLOUD_SECRET_KEY",
  token = from_environment "TENCENTCLOUD_TOKEN",
  service = service,
  host = endpoint:match("^https?://([^/]+)") or endpoint,
  action = action,
  version = version,
  region = region,
  payload = payload,
}

local answer = call(endpoint, headers, payload)

-- These services send errors with an HTTP status of 200 too.
local body = cjson.decode(answer)
local response = type(body) == "table" and body.Response
if type(response) ~= "table" then
  give_up("no answer that one could read")
end
local refused = response.Error
if type(refused) == "table" then
  give_up(("%s: %s (request %s)"):format(tostring(refused.Code),
    tostring(refused.Message), tostring(response.RequestId)))
end
print(answer)
