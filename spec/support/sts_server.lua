-- SPDX-License-Identifier: MIT
--
-- Tencent Cloud's service sts, as a client sees it. The part of a role's name
-- before the hyphen chooses the answer. A GET of /asked answers how many
-- requests there were for each role. Argument: the file to which it writes its
-- port.
local cqueues = require "cqueues"
local serving = require "support.serving"

local late = 0.15 -- seconds
local date = "Date: Thu, 01 Jan 1970 01:00:00 GMT\r\n" -- Unix time 3600

local asked = {} -- number of requests by role
local heads = {} -- the last request by role

local function ok(body, headers)
  return serving.answer("200 OK", body, headers)
end

-- Id, key and token have the role and the number of the answer in them.
local function keys(role, number, headers)
  return ok((('{"Response":{"Credentials":{"TmpSecretId":"id-N",'
    .. '"TmpSecretKey":"key-N","Token":"token-N"},"ExpiredTime":10000,'
    .. '"Expiration":"1970-01-01T02:46:40Z","RequestId":"r-1"}}')
    :gsub("N", role .. "-" .. number)), headers)
end

local function refuse(code, message)
  return ok(('{"Response":{"Error":{"Code":"%s","Message":"%s"},'
    .. '"RequestId":"r-1"}}'):format(code, message))
end

local answers = {}

function answers.good(role, number)
  return keys(role, number)
end

function answers.dated(role, number)
  return keys(role, number, date)
end

function answers.expired(role, number)
  return (keys(role, number, date):gsub('10000,', '03600,'):gsub(
    '"ExpiredTime":0', '"ExpiredTime": '))
end

function answers.late(role, number)
  cqueues.sleep(late)
  return keys(role, number)
end

function answers.once(role, number)
  return number == 1 and keys(role, number)
    or refuse("InternalError", "not now")
end

function answers.silent() end

function answers.forbidden()
  return refuse("UnauthorizedOperation", "no CAM permission")
end

function answers.unknown()
  return refuse("AuthFailure.SecretIdNotFound", "the SecretId is not found")
end

function answers.absent()
  return refuse("InvalidParameter.RoleNotExist", "role not exist")
end

-- Quotes the whole request, as some services do.
function answers.echo(role)
  return refuse("AuthFailure.SignatureFailure",
    heads[role]:gsub("%c", " "):gsub('"', " "))
end

function answers.page()
  return serving.answer("503 Service Unavailable", "<html>no</html>")
end

for kind, field in pairs { anonymous = "TmpSecretId", keyless = "TmpSecretKey",
  tokenless = '"Token', endless = "ExpiredTime" } do
  answers[kind] = function(role, number) -- one field has another name
    return (keys(role, number):gsub(field, field:sub(1, -2) .. "_"))
  end
end

local function respond(head, body)
  if head:find "^GET /asked " then
    local lines = {}
    for role, count in pairs(asked) do
      lines[#lines + 1] = role .. " " .. count
    end
    table.sort(lines)
    return ok(table.concat(lines, "\n"))
  end
  local role = body:match '"RoleArn":"[^"]*:roleName/([^"]*)"' or ""
  asked[role] = (asked[role] or 0) + 1
  heads[role] = head .. body
  local kind = answers[role:match "^%l*"]
  return kind and kind(role, asked[role]) or not kind and refuse(
    "InvalidParameter", "no such role: " .. role)
end

serving.run(arg[1], serving.listen(function(connection)
  local head = serving.read_head(connection)
  while head do
    local length = tonumber(head:match "[Cc]ontent%-[Ll]ength: (%d+)") or 0
    local body = length > 0 and connection:read(length) or ""
    local response = respond(head, body)
    if response then
      serving.send(connection, response)
    end
    head = serving.read_head(connection)
  end
end))
