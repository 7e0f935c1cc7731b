-- SPDX-License-Identifier: MIT
--
-- `balance get`: what a person, a script and a pipe get.
local accounts = require "sandbox.accounts"
local cjson = require "cjson"
local command = require "support.command"

-- How long ago something was depends on the machine, and the width of its column
-- on that.
local function settled(text)
  return (text:gsub("%f[%d]%d+ seconds? ago", "0 seconds ago"):gsub(" +", " "))
end

describe("balance get #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("shows all accounts that have keys as a table", function()
    for _, arguments in ipairs { "", "get" } do
      local output, errors = command.expect(0, arguments)
      assert.equal("", errors)
      assert.equal("account left per day empty in as of state\n"
        .. "tempolor 776.56 credits - not enough data 0 seconds ago ok\n"
        .. "tencent 100000000.00 USD - not enough data 0 seconds ago ok\n"
        .. "udio 195 credits - not enough data 0 seconds ago ok\n",
        settled(output))
    end
  end)

  it("shows those that are named", function()
    local output = command.expect(0, "get udio --plain")
    assert.matches("^udio\tudio\t195\tcredits\t\t\t%d%d%d%d%-%d%d%-%d%dT"
      .. "%d%d:%d%d:%d%dZ\tok\t\n$", output)
  end)

  it("shows a failed one with its hint, and ends with 2", function()
    local output, errors = command.expect(2, "get udio tempolor",
      "UDIO_API_KEY=\"'wrong'\"")
    assert.equal("balance: `balance doctor udio` looks for the cause\n",
      errors)
    assert.matches("\nudio +unknown +%- +not enough data +never  refused\n",
      output)
    assert.matches("\nudio: auth: Unauthorized: Invalid or missing API key\n"
      .. "  api_key has quotes around it, which are no part of a key\n$",
      output)
    assert.matches("tempolor +776.56 credits", output)
    local line = command.expect(2, "get udio --plain", "UDIO_API_KEY=wrong")
    assert.equal("udio\tudio\t\t\t\t\t\trefused\tauth\n", line)
  end)

  it("prints one versioned document with --json", function()
    local document = cjson.decode((command.expect(0, "--json")))
    assert.equal(1, document.version)
    assert.equal(776.56, document.accounts.tempolor.available)
    assert.equal("100000000.00", document.accounts.tencent.amount)
    document = cjson.decode((command.expect(2, "get --json udio",
      "UDIO_API_KEY=wrong")))
    assert.equal("auth", document.accounts.udio.failure.kind)
  end)

  it("says what to do where no account has keys", function()
    local output, errors = command.expect(2, "", "env -u UDIO_API_KEY"
      .. " -u TEMPOLOR_API_KEY -u TENCENTCLOUD_SECRET_ID")
    assert.equal("", output)
    assert.equal("balance: no account has keys\nbalance: set TEMPOLOR_API_KEY,"
      .. " TENCENTCLOUD_SECRET_ID, UDIO_API_KEY, or write an accounts file;"
      .. " `balance doctor` shows where keys were looked for\n", errors)
  end)

  it("says which account was probably meant", function()
    for _, arguments in ipairs { "get udi", "get Udio", "check udoi --min 1" }
    do
      local output, errors = command.expect(64, arguments)
      assert.equal("", output)
      assert.matches("unknown account '%w+'; did you mean 'udio'%?", errors)
    end
  end)

  it("reads a key from standard input, which wins", function()
    command.expect(0, "get udio")
    local path = command.write("key", accounts.udio.unused.api_key .. "\n")
    local output = command.expect(0,
      "get udio --plain --api-key-stdin", "UDIO_API_KEY=wrong",
      "<" .. path)
    assert.matches("^udio\tudio\t200\t", output)
    -- which may be another account's, and so is not remembered
    assert.matches("^udio: 195 credits", (command.expect(0, "history udio")))
    for _, arguments in ipairs { "--api-key-stdin", "udio tempolor"
      .. " --api-key-stdin", "tencent --api-key-stdin" } do
      local _, errors = command.expect(64, "get " .. arguments)
      assert.matches("one account of a provider with one key", errors)
    end
    assert.matches("no key on standard input",
      select(2, command.expect(64, "get udio --api-key-stdin")))
  end)

  it("asks nobody where all is known and recent enough", function()
    command.expect(0, "get udio")
    local nowhere = "UDIO_ENDPOINT=http://127.0.0.1:1"
    local output = command.expect(0, "get udio --plain --max-age 600", nowhere)
    assert.matches("^udio\tudio\t195\t.*\tok\t\n$", output)
    output = command.expect(2, "get udio --plain", nowhere)
    assert.matches("^udio\tudio\t195\t.*\tok\tconnect\n$", output)
    -- the last round failed, so that it is not known now
    command.expect(2, "get udio --plain --max-age 600", nowhere)
  end)

  it("gives up after --timeout", function()
    local output = command.expect(2, "get udio --plain --timeout 0.3",
      "UDIO_API_KEY=" .. accounts.udio.hanging.api_key)
    assert.equal("udio\tudio\t\t\t\t\t\tunknown\ttimeout\n", output)
  end)

  it("remembers nothing where that is wanted", function()
    local _, errors = command.expect(0, "get udio --state none")
    assert.equal("", errors)
    command.expect(0, "get udio", "BALANCE_STATE=none")
    assert.matches("nothing is remembered",
      select(2, command.expect(2, "history udio")))
  end)
end)

describe("balance get in a terminal #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("has colours, unless they are not wanted", function()
    local green = "\27[32mok\27[0m"
    local function has_green(output)
      return output:find(green, 1, true) ~= nil
    end
    assert.is_true(has_green((command.in_terminal "get udio")))
    for setting, arguments in pairs {
      ["NO_COLOR=1"] = "get udio", ["env TERM=dumb"] = "get udio",
      ["env"] = "get udio --color never",
    } do
      local output, status = command.in_terminal(arguments, setting)
      assert.is_false(has_green(output))
      assert.equal(0, status)
    end
    -- an empty NO_COLOR counts as none, says its convention
    assert.is_true(has_green((command.in_terminal("get udio", "NO_COLOR="))))
    assert.is_false(has_green((command.expect(0, "get udio"))))
    assert.is_true(has_green((command.expect(0, "get udio --color always"))))
  end)

  it("leaves columns out, and breaks lines, where it is narrow", function()
    local setting = "UDIO_API_KEY=wrong"
    local output, status = command.in_terminal("get udio tempolor", setting,
      44)
    assert.equal(2, status)
    assert.matches("^account +left +state\n", output)
    assert.matches("\nudio: auth: Unauthorized: Invalid or missing\n    API"
      .. " key\n", output)
    for line in output:gsub("\27%[%d+m", ""):gmatch "[^\n]+" do
      assert.is_true(#line <= 44 or line:find "^balance: " ~= nil, line)
    end
    assert.matches("^account +left  per day +empty in  state\n",
      (command.in_terminal("get udio", nil, 60)))
    assert.matches("^account +left  per day +empty in +as of  state\n",
      (command.in_terminal("get udio", nil, 90)))
  end)

  it("takes COLUMNS where the terminal does not say, else 80", function()
    assert.matches("^account +left +state\n",
      (command.in_terminal("get udio", "COLUMNS=30", 0)))
    assert.matches("^account +left  per day +empty in +as of  state\n",
      (command.in_terminal("get udio", "COLUMNS=wide", 0)))
  end)

  it("shows that it waits, wipes that, and ends on Ctrl-C", function()
    local output, status = command.in_terminal("get udio --timeout 60",
      "UDIO_API_KEY=" .. accounts.udio.hanging.api_key, 80, "asking udio",
      "\\003")
    assert.equal(130, status)
    assert.matches("^asking udio %.%.%..*\r\27%[K", output)
    assert.is_nil(output:find "traceback")
  end)
end)
