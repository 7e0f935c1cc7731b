-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local json = require "balance.json"
local process = require "support.process"

describe("an answer in JSON", function()
  it("is decoded with whole numbers as integers, null as nil", function()
    local value = json.decode(
      '{"a":600000561284,"b":776.56,"c":null,"d":[1,2.5],"e":-0,"f":"x"}')
    assert.same({ a = 600000561284, b = 776.56, d = { 1, 2.5 }, e = 0,
      f = "x" }, value)
    assert.equal("600000561284", tostring(value.a))
    assert.equal("1", tostring(value.d[1]))
    assert.equal("0", tostring(value.e))
    if math.type then
      assert.equal("integer", math.type(value.a))
      assert.equal("float", math.type(value.b))
    end
  end)

  it("has no null and no fraction of zero left in any part of it", function()
    local value = json.decode(
      '[null,{"a":{"b":[null,{"c":null,"d":2.0}]}},null,[[3.0,0.5],null]]')
    assert.same({ [2] = { a = { b = { [2] = { d = 2 } } } },
      [4] = { { 3, 0.5 } } }, value)
    assert.equal("2", tostring(value[2].a.b[2].d))
    assert.equal("3", tostring(value[4][1][1]))
    local endless = {}
    endless.a = { endless }
    assert.is_false(core.normalise(endless))
    assert.is_false(core.normalise { { 1, { 1 / 0 } } })
    assert.is_false(core.normalise { 0 / 0 })
  end)

  it("is an object or an array, and nothing else", function()
    for _, text in ipairs { "", " ", "1", '"x"', "true", "null", "nil",
      "{", "}", "{} x", "{}{}", '{"a":1,}', "{'a':1}", '{"a" 1}', "[1,]",
      '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":nan}',
      '{"a":0x10}', '{"a":+1}', '{"a":01}', '{"a":1e400}', '{"a":-1e400}',
      '{"a":1}\0', '\0{"a":1}', '{"a":"\0"}', "\239\187\191{}",
      '{"a":"\255"}', '{"a":"\228"}', '{"\128":1}', '{"a":"\237\160\128"}',
      '{"a":"\192\128"}', '{"a":"\244\144\128\128"}', '{"a":"\\ud800"}',
      '{"a":"\228\195\169\189\153"}', -- one character within another
      ("["):rep(17) .. ("]"):rep(17), ("["):rep(10000), "<html>",
    } do
      assert.is_nil(json.decode(text), text)
    end
  end)

  it("may hold any character", function()
    for _, text in ipairs { "\194\128", "\223\191", "\224\160\128",
      "\237\159\191", "\238\128\128", "\239\191\191", "\240\144\128\128",
      "\243\191\191\191", "\244\143\191\191", "\228\189\153\233\162\157" } do
      assert.equal(text, json.decode('{"a":"' .. text .. '"}').a)
    end
  end)

  it("has the characters that the Unicode Standard's table 3-7 has", function()
    local rows = {
      "[\1-\127]", "[\194-\223][\128-\191]",
      "\224[\160-\191][\128-\191]", "[\225-\236][\128-\191][\128-\191]",
      "\237[\128-\159][\128-\191]", "[\238-\239][\128-\191][\128-\191]",
      "\240[\144-\191][\128-\191][\128-\191]",
      "[\241-\243][\128-\191][\128-\191][\128-\191]",
      "\244[\128-\143][\128-\191][\128-\191]",
    }
    local function is_well_formed(text)
      for _, row in ipairs(rows) do
        local _, last = text:find("^" .. row)
        if last then
          return is_well_formed(text:sub(last + 1))
        end
      end
      return text == ""
    end
    local edges = { 1, 127, 128, 143, 144, 159, 160, 191, 192, 193, 194, 223,
      224, 225, 236, 237, 238, 239, 240, 241, 243, 244, 245, 255 }
    local good, bad = 0, 0
    local function check(text)
      local expected = is_well_formed(text)
      assert((core.json_size(text) ~= nil) == expected, ("%q"):format(text))
      good, bad = good + (expected and 1 or 0), bad + (expected and 0 or 1)
      if #text < (text:find "^[\240-\245]" and 4 or 3) then
        for _, byte in ipairs(edges) do
          check(text .. string.char(byte))
        end
      end
    end
    check ""
    assert.is_true(good > 100 and bad > 10000, good .. " and " .. bad)
  end)

  it("has so many fields and no more", function()
    for _, one in ipairs { "0", '"a,b:c\\",:"', '"\\\\"' } do
      local function list(commas)
        return "[" .. (one .. ","):rep(commas) .. one .. "]"
      end
      assert.equal(2049, #json.decode(list(2048)))
      local value, why = json.decode(list(2049))
      assert.is_nil(value)
      assert.equal("the answer has more fields than a balance", why)
    end
    assert.equal(4, core.json_size '{"a":1,"b":[2,3]}')
    local value, why = json.decode '{"not JSON, but short'
    assert.same({ nil, nil }, { value, why })
    assert.equal(0, core.json_size '"\\')
    assert.equal(0, core.json_size "")
    assert.equal(1, core.json_size ",")
    assert.is_nil(core.json_size "\0")
    assert.is_nil(core.json_size "\255")
  end)

  it("may be as large and small as a float", function()
    assert.equal(0, json.decode('{"a":1e-400}').a)
    assert.equal(12345678901234567890, json.decode(
      '{"a":12345678901234567890}').a)
    assert.equal(1e308, json.decode('{"a":1e308}').a)
    assert.is_table(json.decode(("["):rep(16) .. ("]"):rep(16)))
  end)

  -- lua-cjson 2.1.0 fails on 776.56 where the decimal point is a comma. With
  -- LOCPATH glibc's newlocale leaks, which OpenSSL calls when it is loaded.
  it("is read alike in every locale", function()
    local directory = process.run("mktemp -d"):gsub("%s+$", "")
    local _, status = process.run(
      ("localedef -c -i de_DE -f UTF-8 %s/de_DE.UTF-8"):format(directory))
    local output = process.run_lua([[
      local json = require "balance.json"
      local function read() return json.decode('{"a":776.56}').a * 100 end
      assert(read() == 77656)
      io.write(os.setlocale("de_DE.UTF-8") and "comma" or "none")
      assert(read() == 77656)
      os.setlocale("C")
      assert(read() == 77656)
    ]], "LEAKS=0 LOCPATH=" .. directory)
    process.run("rm -r " .. directory)
    if status ~= 0 and output == "none" then
      pending "no locale with a decimal comma can be made here"
      return
    end
    assert.equal("comma", output)
  end)
end)
