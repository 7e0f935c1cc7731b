-- SPDX-License-Identifier: MIT
--
-- What the three services share: a request comes in, goes to the service of
-- its path, and is checked; one that passes gets the service's answer, or the
-- one that its key chooses (cases.lua), or its headers:
--
--   X-Sandbox-Answer: CODE           that failure of the service: any Code of
--                                    Tencent's, status of TemPolor's, code
--                                    of Udio's
--                     old            Tencent's older shape of a failure
--                     http-NNN       that HTTP status and a page of HTML
--                     http-NNN-json  that HTTP status and the right body
--                     http-444       none: the connection is closed
--                     html-200       a page of HTML
--                     body:TEXT      TEXT, URL-escaped, with HTTP 200
--                     redirect       302 to another path
--                     max, big       the right body at 1 MiB, a byte more
--
-- These go for every answer, refusals too:
--
--   X-Sandbox-Delay: MILLISECONDS    how long to wait before answering
--   X-Sandbox-Date: VALUE            the Date header
--   X-Sandbox-Retry-After: VALUE     the Retry-After header

local json = require "cjson.safe"
local accounts = require "sandbox.accounts"
local cases = require "sandbox.cases"

local MIB = 1024 * 1024
local PAGE = "<!DOCTYPE html>\n<title>%d</title>\n<h1>%d</h1>\n"
local WITHOUT_BODY = { [204] = true, [304] = true, [444] = true }

local services = {}
for _, name in ipairs { "tempolor", "udio", "tencent" } do
  local service = require("sandbox." .. name)
  services[service.path] = service
end

local _M = {}

-- For whoever starts the sandbox: the keys that choose an answer.
local function write_keys()
  local file = assert(io.open(ngx.config.prefix() .. "keys", "w"))
  local function show(variable, service, name)
    file:write("#\n# ", variable, "\n")
    for _, case in ipairs(cases) do
      file:write(("#   %-40s %s\n"):format(accounts[service][case.name][name],
        case.says))
    end
  end
  file:write("# A script cannot send a header. Its key chooses the answer:\n")
  show("TEMPOLOR_API_KEY", "tempolor", "api_key")
  show("UDIO_API_KEY", "udio", "api_key")
  show("TENCENTCLOUD_SECRET_ID, with the same TENCENTCLOUD_SECRET_KEY",
    "tencent", "secret_id")
  assert(file:close())
end

--- Called once, in the master: writes the keys that the script exports, and
-- those that it shows.
function _M.init()
  write_keys()
  local file = assert(io.open(ngx.config.prefix() .. "env", "w"))
  local function export(name, value)
    file:write("export ", name, "=", value, "\n")
  end
  export("TEMPOLOR_API_KEY", accounts.tempolor.main.api_key)
  export("UDIO_API_KEY", accounts.udio.main.api_key)
  export("TENCENTCLOUD_SECRET_ID", accounts.tencent.main.secret_id)
  export("TENCENTCLOUD_SECRET_KEY", accounts.tencent.main.secret_key)
  assert(file:close())
end

-- What came, as it came. A header that came twice counts as none: no check
-- takes it then.
local function read()
  -- Without a length HTTP/2 has no body here; ngx_lua 0.10.26, which Ubuntu
  -- 24.04 has, raises where one wants to read it.
  if ngx.var.http_content_length or ngx.req.http_version() < 2 then
    ngx.req.read_body()
  end
  local request = { headers = {}, method = ngx.req.get_method() }
  for name, value in pairs(ngx.req.get_headers(0)) do
    request.headers[name] = type(value) == "string" and value or nil
  end
  request.path, request.query =
    ngx.var.request_uri:match("^([^?]*)%??(.*)$")
  request.body = ngx.req.get_body_data() or ""
  request.id = ngx.var.request_id:gsub(
    "^(%x%x%x%x%x%x%x%x)(%x%x%x%x)%x(%x%x%x)%x(%x%x%x)", "%1-%2-4%3-a%4-")

  -- The body, where it is what its Content-Type must say: one JSON object.
  local content_type = (request.headers["content-type"] or ""):lower()
  if content_type:match("^[^;]*"):match("^(.-)%s*$") == "application/json"
      and request.body:find("^%s*{") and not request.body:find("%z") then
    request.object = json.decode(request.body)
  end
  return request
end

local function choose(service, request, answer)
  local status, with_json = answer:match("^http%-([2-5]%d%d)(.*)$")
  if with_json == "" then return tonumber(status) end
  if with_json == "-json" then
    local _, body = service.succeed(request)
    return tonumber(status), body
  end
  if answer == "html-200" then return 200 end
  if answer == "redirect" then
    ngx.header["Location"] = "/elsewhere"
    return 302
  end
  if answer == "max" or answer == "big" then
    local _, body = service.succeed(request)
    body = json.encode(body)
    local size = answer == "max" and MIB or MIB + 1
    return 200, body .. (" "):rep(size - #body)
  end
  local literal = answer:match("^body:(.*)$")
  if literal then return 200, ngx.unescape_uri(literal) end
  status, literal = service.choose(request, answer)
  return status or 501, literal
end

local function send(request, status, body)
  local account = request.account or {}
  if account.is_silent then return ngx.exec("@silent") end
  local delay = request.headers["x-sandbox-delay"] or account.delay or ""
  if delay:find("^%d+$") then ngx.sleep(delay / 1000) end
  if WITHOUT_BODY[status] then return ngx.exit(status) end

  body = body or PAGE:format(status, status)
  if type(body) == "table" then body = json.encode(body) end
  ngx.status = status
  ngx.header["Content-Type"] =
    body:find("^<") and "text/html" or "application/json"
  ngx.header["Content-Length"] = #body
  for _, name in ipairs { "Date", "Retry-After" } do
    local value = request.headers["x-sandbox-" .. name:lower()]
    if value then ngx.header[name] = value end
  end
  ngx.header["Retry-After"] = ngx.header["Retry-After"] or account.retry_after
  ngx.print(body)
end

function _M.answer()
  local request = read()
  local service = services[request.path]
  if not service then return send(request, 404) end

  local status, body = service.refuse(request)
  if not status then
    local answer = request.headers["x-sandbox-answer"]
      or request.account.answer
    if answer then
      status, body = choose(service, request, answer)
    else
      status, body = service.succeed(request)
    end
  end
  return send(request, status, body)
end

return _M
