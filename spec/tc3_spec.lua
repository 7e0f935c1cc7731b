-- SPDX-License-Identifier: MIT
local balance = require "balance"
local process = require "support.process"
local reference = require "sandbox.tc3" -- on luaossl, nothing of ours
local vectors = require "support.tc3_vectors"

local sign = balance.tc3.sign
local service, host, timestamp = "cvm", "cvm.tencentcloudapi.com", 1551113065

local function with(changes)
  local request = {
    secret_id = "AKIDexample", secret_key = "k3y", service = service,
    host = host, timestamp = timestamp,
  }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  return request
end

-- What the reference implementation makes of a request of ours.
local function expected_signature(request)
  local headers = { ["content-type"] = "application/json; charset=utf-8",
    host = request.host, ["x-tc-action"] = request.action }
  local names = {}
  for name in pairs(request.headers or headers) do
    names[#names + 1] = name
  end
  table.sort(names)
  local scope = reference.scope(request.timestamp, request.service)
  return reference.signature(request.secret_key, scope,
    reference.string_to_sign(request.timestamp, scope,
      reference.canonical_request(request.method or "POST",
        request.path or "/", request.query or "",
        request.headers or headers, names, request.payload or "")))
end

local function signature(request)
  return sign(request).Authorization:match("Signature=(%x+)$")
end

describe("the published TC3 vectors", function()
  for _, vector in ipairs(vectors) do
    it("come out step by step: " .. vector.name, function()
      local words = { process.build .. "/spec/tc3_steps" }
      for _, word in ipairs { vector.secret_id, vector.secret_key, service,
        "POST", "/", "", vector.payload, tostring(timestamp) } do
        words[#words + 1] = process.quote(word)
      end
      for _, header in ipairs(vector.headers) do
        words[#words + 1] = process.quote(header[1])
        words[#words + 1] = process.quote(header[2])
      end
      local output, status = process.run(table.concat(words, " "))
      assert.equal(0, status, output)
      local step = {}
      for name, value in output:gmatch("([%l_]+)=([^\n]*)\n") do
        step[name] = value
      end

      assert.equal(vector.hashed_payload,
        step.canonical_request:match("\\n(%x+)$"))
      assert.equal(vector.hashed_canonical_request,
        step.string_to_sign:match("\\n(%x+)$"))
      assert.equal("TC3-HMAC-SHA256\\n1551113065\\n"
        .. "2019-02-25/cvm/tc3_request\\n" .. vector.hashed_canonical_request,
        step.string_to_sign)
      assert.equal(vector.secret_date, step.secret_date)
      if vector.secret_service then -- the older page leaves them out
        assert.equal(vector.secret_service, step.secret_service)
        assert.equal(vector.secret_signing, step.secret_signing)
      end
      assert.equal(("TC3-HMAC-SHA256 Credential=%s/2019-02-25/cvm/"
        .. "tc3_request, SignedHeaders=%s, Signature=%s"):format(
        vector.secret_id, vector.signed_headers, vector.signature),
        step.authorization)
    end)

    it("come out of balance.tc3.sign: " .. vector.name, function()
      local headers = sign(with {
        secret_id = vector.secret_id, secret_key = vector.secret_key,
        payload = vector.payload, action = vector.action,
      })
      assert.equal(("TC3-HMAC-SHA256 Credential=%s/2019-02-25/cvm/"
        .. "tc3_request, SignedHeaders=%s, Signature=%s"):format(
        vector.secret_id, vector.signed_headers, vector.signature),
        headers.Authorization)
    end)
  end
end)

describe("balance.tc3.sign()", function()
  it("returns a new table of the headers to send", function()
    local headers = sign(with {
      action = "DescribeInstances", version = "2017-03-12",
      region = "ap-guangzhou", token = "a-token",
    })
    assert.is_string(headers.Authorization)
    headers.Authorization = nil
    assert.same({
      Host = host,
      ["Content-Type"] = "application/json; charset=utf-8",
      ["X-TC-Action"] = "DescribeInstances",
      ["X-TC-Version"] = "2017-03-12",
      ["X-TC-Timestamp"] = "1551113065",
      ["X-TC-Region"] = "ap-guangzhou",
      ["X-TC-Token"] = "a-token",
    }, headers)
  end)

  it("signs any method, path, query and payload", function()
    for _, changes in ipairs {
      { method = "GET", query = "Limit=10&Offset=0" },
      { path = "/v2/things", payload = "{}" },
      { payload = ("x"):rep(100000) },
      { payload = "a\0b\255\r\n" },
    } do
      local request = with(changes)
      assert.equal(expected_signature(request), signature(request))
    end
  end)

  it("signs with a key that holds any byte, or none", function()
    local every = {}
    for byte = 0, 255 do
      every[#every + 1] = string.char(byte)
    end
    for _, key in ipairs { "", "\0", "a\0b", table.concat(every) } do
      local request = with { secret_key = key }
      assert.equal(expected_signature(request), signature(request))
    end
  end)

  -- A published sample in C takes the length of a digest with strlen(), and
  -- is wrong for about one signature in eight.
  it("is right where a digest on the way holds a zero byte", function()
    for i = 1, 300 do
      local request = with { secret_key = "key" .. i, payload = "p" .. i }
      assert.equal(expected_signature(request), signature(request))
    end
  end)

  it("keeps apart keys, dates and services that follow one another",
    function()
      local requests = {}
      for _, key in ipairs { "one", "two" } do
        for _, day in ipairs { 0, 1 } do
          for _, name in ipairs { "cvm", "billing" } do
            requests[#requests + 1] = with { secret_key = key,
              timestamp = timestamp + 86400 * day, service = name }
          end
        end
      end
      for _, first in ipairs(requests) do
        for _, second in ipairs(requests) do
          assert.equal(expected_signature(first), signature(first))
          assert.equal(expected_signature(second), signature(second))
        end
      end
    end)

  it("takes the date of UTC, to the second, in every year", function()
    for _, at in ipairs { 0, 86399, 86400, 951782399, 951782400, 951868799,
      951868800, 1709164800, 1709251200, 4107542399, 4107542400,
      253402300799 } do
      local headers = sign(with { timestamp = at })
      assert.equal(os.date("!%Y-%m-%d", at),
        headers.Authorization:match("/(%d+%-%d+%-%d+)/"))
      assert.equal(("%d"):format(at), headers["X-TC-Timestamp"])
    end
  end)

  it("does not ask the time zone or the locale", function()
    local code = [[
      local sign = require("balance.tc3").sign
      print(sign { secret_id = "a", secret_key = "b", service = "c",
        host = "d", timestamp = 1551113065 }.Authorization)
    ]]
    local plain = process.run_lua(code, "TZ=UTC LC_ALL=C")
    assert.matches("/2019%-02%-25/", plain)
    for _, zone in ipairs { "Pacific/Kiritimati", "Pacific/Midway" } do
      assert.equal(plain,
        process.run_lua(code, "TZ=" .. zone .. " LC_ALL=tr_TR.UTF-8"))
    end
  end)

  it("takes the time of the machine where none is given", function()
    local before = os.time()
    local request = with()
    request.timestamp = nil
    local sent = tonumber(sign(request)["X-TC-Timestamp"])
    assert.is_true(sent >= before and sent <= os.time())
  end)

  it("signs the headers that it is told to, lower-cased and trimmed",
    function()
      local headers = {
        ["x-tc-version"] = "2017-03-12", host = host,
        ["content-type"] = " Application/JSON\t", ["x-custom"] = "ABC dEf",
      }
      local request = with { headers = headers, version = "2017-03-12" }
      local sent = sign(request)
      assert.matches("SignedHeaders=content%-type;host;x%-custom;"
        .. "x%-tc%-version, ", sent.Authorization)
      assert.equal(expected_signature(request),
        sent.Authorization:match("Signature=(%x+)$"))
      assert.equal(" Application/JSON\t", sent["Content-Type"])
      assert.equal("ABC dEf", sent["X-Custom"])
      assert.equal("2017-03-12", sent["X-TC-Version"])
    end)

  it("leaves the caller's tables as they were", function()
    local headers = { host = host, ["content-type"] = "text/plain" }
    local request = with { headers = headers }
    sign(request)
    assert.same(with { headers = headers }, request)
    assert.same({ host = host, ["content-type"] = "text/plain" }, headers)
  end)

  it("raises at the caller's line for a mistake, and repeats no secret",
    function()
      local mistakes = {
        { { secret_id = 1 }, "secret_id.*string" },
        { { host = false }, "host.*string" },
        { { playload = "{}" }, "unknown field 'playload'" },
        { { "x" }, "a field has no name" },
        { { timestamp = "now" }, "timestamp.*number" },
        { { timestamp = 1.5 }, "whole" },
        { { timestamp = -1 }, "whole" },
        { { timestamp = 1e300 }, "whole" },
        { { timestamp = 0 / 0 }, "whole" },
        { { headers = "host" }, "headers.*table" },
        { { headers = { "host" } }, "by name" },
        { { headers = { Host = host } }, "lower%-case" },
        { { headers = { host = "other" } }, "'host' differs" },
        { { headers = { ["x-a"] = "b\r\nx-c: d" } }, "control" },
        { { secret_id = "id\n" }, "control" },
        { { token = "t\0" }, "control" },
        { { path = "/\r\n" }, "control" },
        { { service = ("s"):rep(64) }, "too long" },
        { { path = ("/"):rep(70000) }, "too long" },
      }
      for _, mistake in ipairs(mistakes) do
        local request = with(mistake[1])
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, message = pcall(function() return (sign(request)) end)
        assert.is_false(ok)
        assert.matches(mistake[2], message)
        assert.matches("tc3_spec.lua:" .. line .. ":", message, 1, true)
        assert.is_nil(message:find(request.secret_key, 1, true))
      end
      for _, name in ipairs { "secret_id", "secret_key", "service", "host" } do
        local request = with()
        request[name] = nil
        assert.error_matches(function() sign(request) end,
          "'" .. name .. "' is missing")
      end
      assert.error_matches(function() sign(with { secret_key = {} }) end,
        "secret_key.*string")
      assert.has_error(function() sign() end)
      assert.has_error(function() sign("request") end)
    end)

  it("signs as many headers as it takes", function()
    for count = 1, 28 do
      local headers = { host = host }
      for i = 1, count do
        headers["x-" .. i] = "v"
      end
      local request = with { headers = headers }
      coroutine.wrap(function() -- a small stack of its own
        assert.equal(expected_signature(request), signature(request))
      end)()
    end
  end)

  it("refuses more headers than anyone signs", function()
    local headers = { host = host }
    for i = 1, 40 do
      headers["x-" .. i] = "v"
    end
    assert.error_matches(function() sign(with { headers = headers }) end,
      "more than %d+ headers")
  end)
end)
