-- SPDX-License-Identifier: MIT
--
-- The metadata service of a machine of Tencent Cloud. The part of a role's
-- name before the hyphen chooses the answer. Arguments: the file to which it
-- writes its port, and the machine's role, where it has one.
local cqueues = require "cqueues"
local serving = require "support.serving"

local own_role = arg[2]
local roles = "/latest/meta-data/cam/security-credentials/"

local late = 0.15 -- seconds

local asked = {} -- number of requests by role

local answer = serving.answer

local function ok(body)
  return answer("200 OK", body)
end

-- Id, key and token have the role and the number of the answer in them.
local function keys(role, number)
  return ok((('{"TmpSecretId":"id-N","TmpSecretKey":"key-N","Token":"token-N",'
    .. '"ExpiredTime":10000,"Expiration":"1970-01-01T02:46:40Z",'
    .. '"Code":"Success"}'):gsub("N", role .. "-" .. number)))
end

-- Each gets the role and the number of the request for it.
local answers = { good = keys }

-- With a Date, of Unix time 3600.
function answers.dated(role, number)
  return (keys(role, number):gsub("\r\n",
    "\r\nDate: Thu, 01 Jan 1970 01:00:00 GMT\r\n", 1))
end

function answers.once(role, number)
  return number == 1 and keys(role, number)
    or answer("500 Internal Server Error", "")
end

function answers.late(role, number)
  cqueues.sleep(late)
  return keys(role, number)
end

function answers.silent() end

function answers.failed(role, number)
  return (keys(role, number):gsub("Success", "Failure"))
end

-- One field has another name of the same length.
for kind, field in pairs { anonymous = "TmpSecretId", keyless = "TmpSecretKey",
  tokenless = '"Token', endless = "ExpiredTime" } do
  answers[kind] = function(role, number)
    return (keys(role, number):gsub(field, field:sub(1, -2) .. "_"))
  end
end

function answers.dirty(role, number)
  return (keys(role, number):gsub('"id%-', '"\\t-'))
end

function answers.page()
  return ok "<html>id-N</html>"
end

local function list()
  if not own_role then
    return answer("404 Not Found", "")
  elseif own_role:find "^late" then
    cqueues.sleep(late)
  end
  return ok(own_role)
end

local function respond(path)
  if path == roles then
    return list()
  end
  local role = path:sub(#roles + 1)
  local kind = answers[role:match "^%l+"]
  if path:sub(1, #roles) ~= roles or not kind then
    return answer("404 Not Found", "")
  end
  asked[role] = (asked[role] or 0) + 1
  return kind(role, asked[role])
end

serving.run(arg[1], serving.listen(function(connection)
  local head = serving.read_head(connection)
  while head do
    local response = respond(head:match "^GET (%S+) ")
    if response then
      serving.send(connection, response)
    end
    head = serving.read_head(connection)
  end
end))
