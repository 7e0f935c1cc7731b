-- SPDX-License-Identifier: MIT
--
-- Calls whose answer is complete, with an unusual body: not the JSON that was
-- promised, too much of it, or numbers that are none.
local answers = require "support.answers"
local balance = require "balance"
local cjson = require "cjson"
local failing = require "support.failing"
local faults = require "support.faults"
local process = require "support.process"

local providers = failing.providers
local answer, answer_of = answers.bytes, answers.balance
local not_json = answers.not_json

local client

before_each(function() client = answers.begin() end)
after_each(failing.with_pauses)

local function takes(...)
  return answers.takes(client, ...)
end

describe("the body of an answer", function()
  local function is_refused(body)
    for _, provider in ipairs(providers) do
      failing.fails(client, provider, { kind = "decode", status = 200,
        message = not_json, bytes = answer(body(provider)) })
    end
  end

  local function right(provider)
    return answer_of(provider, "6.66")
  end

  for name, body in pairs {
    ["a page of HTML"] = function() return "<!DOCTYPE html><h1>Hello</h1>" end,
    ["empty"] = function() return "" end,
    ["a blank"] = function() return " \r\n" end,
    ["null"] = function() return "null" end,
    ["a number"] = function() return "195" end,
    ["an array"] = function() return "[]" end,
    ["half an answer"] = function(provider) return right(provider):sub(1, -2)
      end,
    ["two answers"] = function(provider)
      return right(provider) .. right(provider)
    end,
    ["with a byte order mark"] = function(provider)
      return "\239\187\191" .. right(provider)
    end,
    ["with a NUL after it"] = function(provider)
      return right(provider) .. "\0"
    end,
    ["with a NUL in it"] = function(provider)
      return answer_of(provider, '6,"x":"\0"')
    end,
    ["not in UTF-8"] = function(provider)
      return answer_of(provider, '6,"x":"\228\189"')
    end,
    ["nested 10,000 deep"] = function(provider)
      return answer_of(provider, '6,"x":' .. ("["):rep(10000)
        .. ("]"):rep(10000))
    end,
    ["nested without an end"] = function() return ("[["):rep(100000) end,
  } do
    it("is refused: " .. name, function() is_refused(body) end)
  end

  it("may not be encoded, as nobody asked for it", function()
    local zeros = process.run "head -c 10000000 /dev/zero | gzip -9"
    for _, provider in ipairs(providers) do
      local packed = process.run("printf %s '" .. right(provider)
        .. "' | gzip")
      for _, case in ipairs { { "gzip", packed }, { "gzip", zeros },
        { "gzip", "\31\139\8 broken" }, { "x-unknown", right(provider) },
        { "identity, gzip", packed } } do
        failing.fails(client, provider, { kind = "decode", status = 200,
          message = "the answer is encoded, which nobody asked for: "
            .. case[1],
          bytes = answer(case[2], 200,
            "Content-Encoding: " .. case[1] .. "\r\n") })
      end
      failing.fails(client, provider, { kind = "http", status = 502,
        retryable = true,
        bytes = answer(packed, 502, "Content-Encoding: gzip\r\n") })
      for _, plain in ipairs { "identity", "UTF-8" } do
        assert.equal(6.66, takes(provider, answer(right(provider), 200,
          "Content-Encoding: " .. plain .. "\r\n")).available)
      end
    end
  end)

  it("may have 1 MiB and not a byte more", function()
    local mib = 1024 * 1024
    for _, provider in ipairs(providers) do
      local body = right(provider)
      body = body .. (" "):rep(mib - #body)
      local function framed(text)
        return answer(text), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
          .. ("\r\n\r\n%x\r\n"):format(#text) .. text .. "\r\n0\r\n\r\n"
      end
      for _, bytes in ipairs { framed(body) } do
        assert.equal(6.66, takes(provider, bytes).available)
      end
      for _, bytes in ipairs { framed(body .. " ") } do
        failing.fails(client, provider, { kind = "too_large", bytes = bytes,
          message = "the answer's body is longer than 1 MiB" })
      end
    end
  end)
end)

describe("the number of fields in an answer", function()
  local too_many = "the answer has more fields than a balance"

  it("has an end, whatever the status", function()
    local list = '0,"x":[' .. ("0,"):rep(3000) .. "0]"
    local names = {}
    for i = 1, 1500 do
      names[i] = '"' .. i .. '":0'
    end
    local object = '0,"x":{' .. table.concat(names, ",") .. "}"
    for _, provider in ipairs(providers) do
      for _, many in ipairs { list, object, ("0,"):rep(1e5),
        ('{"a":'):rep(1e5) } do
        local body = answer_of(provider, many)
        failing.fails(client, provider, { kind = "too_large", status = 200,
          message = too_many, bytes = answer(body) })
        failing.fails(client, provider, { kind = "http", status = 401,
          bytes = answer(body, 401) })
      end
    end
  end)

  it("does not count what stands in a text", function()
    for _, provider in ipairs(providers) do
      local text = '0,"x":"' .. (',:\\",\\\\'):rep(3000) .. '"'
      assert.equal(0, takes(provider, answer(answer_of(provider, text)))
        .available)
      local entries = {}
      for i = 1, 200 do
        entries[i] = '{"Uin":"1","TempAmount":1,"StartTime":"","EndTime":""}'
      end
      local list = '0,"TempAmountInfoList":[' .. table.concat(entries, ",")
        .. "]"
      local options = { cache = { store = balance.store.memory() } }
      for _, cached in ipairs { false, true } do
        faults.choose("say", answer(answer_of(provider, list)))
        local result = client[provider](options)
        assert.equal(cached, result.cached or false)
        assert.equal(200, #result.TempAmountInfoList)
      end
    end
  end)

  -- Lua 5.1 hashes only every second byte of these strings, so all of them are
  -- in one list of its table of strings. 20,000 of them take seconds.
  it("bounds what decoding costs", function()
    local function name(number)
      local bytes = {}
      for i = 1, 20 do
        bytes[i] = string.char(97 + number % 8) .. "x"
        number = math.floor(number / 8)
      end
      return '"' .. table.concat(bytes) .. '":1'
    end
    local names = {}
    for i = 1, 20000 do
      names[i] = name(i)
    end
    local body = answer_of("udio", "1," .. table.concat(names, ","))
    assert.is_true(#body < 1024 * 1024)
    failing.fails(client, "udio", { kind = "too_large", message = too_many,
      bytes = answer(body) })
  end)
end)

describe("a number in an answer", function()
  it("is one that JSON knows and Lua can hold", function()
    for _, value in ipairs { "NaN", "nan", "Infinity", "-Infinity", "inf",
      "0x10", "+1", "01", "-01", "1e400", "-1e400", "1e", "--1", "1,",
      "1 2" } do
      for _, provider in ipairs(providers) do
        failing.fails(client, provider, { kind = "decode", status = 200,
          message = not_json, bytes = answer(answer_of(provider, value)) })
      end
    end
    for value, expected in pairs { ["-0"] = "0", ["-0.0"] = "0",
      ["1e-400"] = "0", ["1E2"] = "100", ["-7"] = "-7",
      ["12345678901234567890"] = tostring(12345678901234567890) } do
      for _, provider in ipairs(providers) do
        local result = takes(provider, answer(answer_of(provider, value)))
        assert.equal(expected, tostring(result.available))
      end
    end
  end)

  it("is the last one, where a field comes twice", function()
    for provider, name in pairs { tempolor = "balance", udio = "credits",
      tencent = "Balance" } do
      local twice = '1,"' .. name .. '":'
      assert.equal(2, takes(provider,
        answer(answer_of(provider, twice .. "2"))).available)
      failing.fails(client, provider, { kind = "decode",
        says = name .. " .* missing",
        bytes = answer(answer_of(provider, twice .. "null")) })
    end
  end)

  it("does not depend on the caller's cjson, nor change it", function()
    local settings = { "decode_invalid_numbers", "decode_max_depth",
      "encode_invalid_numbers", "encode_max_depth", "encode_number_precision",
      "encode_sparse_array", "encode_keep_buffer" }
    local function all_settings(instance)
      local seen = {}
      for _, name in ipairs(settings) do
        seen[name] = { instance[name]() }
      end
      return seen
    end
    local instances = { cjson, require "cjson.safe" }
    local depth = cjson.decode_max_depth()
    for _, instance in ipairs(instances) do
      instance.decode_invalid_numbers(true)
      instance.decode_max_depth(1)
    end
    finally(function()
      for _, instance in ipairs(instances) do
        instance.decode_invalid_numbers(true) -- lua-cjson's default
        instance.decode_max_depth(depth)
      end
    end)
    local before = { all_settings(instances[1]), all_settings(instances[2]) }
    local fresh = failing.client "plain"
    failing.fails(fresh, "udio", { kind = "decode", message = not_json,
      bytes = answer(answer_of("udio", "NaN")) })
    assert.same(before,
      { all_settings(instances[1]), all_settings(instances[2]) })
  end)
end)
