-- SPDX-License-Identifier: MIT
--
-- The accounts file, and the files of other tools beside it.
local accounts = require "sandbox.accounts"
local command = require "support.command"
local process = require "support.process"

local function account(fields)
  return ('{ "accounts": { "studio": { "provider": "udio", %s } } }'):format(
    fields)
end

local unused = accounts.udio.unused.api_key -- of an account with 200 credits

describe("the accounts file #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  local function left(arguments, setting)
    local output, errors = command.expect(0, "get --plain " .. arguments,
      setting)
    assert.equal("", errors)
    local found = {}
    for name, amount in output:gmatch "([^\t\n]*)\t[^\t]*\t([^\t]*)[^\n]*\n" do
      found[name] = amount
    end
    return found
  end

  it("has accounts by any name, beside those of other providers", function()
    command.write_accounts(account '"api_key": "env:STUDIO_KEY"')
    assert.same({ studio = "200", tempolor = "776.56",
      tencent = "100000000.00" }, left("", "STUDIO_KEY=" .. unused))
    assert.same({ studio = "200" }, left("studio", "STUDIO_KEY=" .. unused))
    assert.same({ udio = "195" }, left "udio")
  end)

  it("says in a variable, a file or a command where a key is", function()
    local path = command.write(".keys/studio", unused .. "\nnotes\n")
    for _, reference in ipairs { "env:STUDIO_KEY", "file:~/.keys/studio",
      "file:" .. path, "cmd:cat ~/.keys/studio",
      "cmd:echo \\\"$STUDIO_KEY\\\"", unused } do
      command.write_accounts(account(('"api_key": "%s"'):format(reference)))
      assert.same({ studio = "200" },
        left("studio", "STUDIO_KEY=" .. unused), reference)
    end
  end)

  it("runs a command once, whatever asks for it", function()
    local asked = "cmd:echo x >>~/asked; cat ~/key"
    command.write_accounts(([[{ "accounts": {
      "a": { "provider": "udio", "api_key": "%s" },
      "b": { "provider": "udio", "api_key": "%s" } } }]]):format(asked, asked))
    command.write("key", unused)
    assert.same({ a = "200", b = "200" }, left "a b")
    assert.equal("x\n", process.read(command.home .. "/asked"))
  end)

  it("says why a key cannot be had, and asks for the others", function()
    command.write("empty", "\n")
    for reference, why in pairs {
      ["env:NO_SUCH_VARIABLE"] =
        "the variable NO_SUCH_VARIABLE is not set, or empty",
      ["file:~/nowhere"] = "the file ~/nowhere is not there",
      ["file:~/empty"] = "the first line of ~/empty is empty",
      ["file:~"] = "the file ~ is not there",
      ["file:/dev/zero"] = "the file /dev/zero is not a file",
      ["cmd:exit 7"] = "the command ended with status 7",
      ["cmd:true"] = "the command printed nothing",
      ["cmd:echo key; ("] = "the command ended with status 2",
      ["cmd:'"] = "the command ended with status 2",
    } do
      command.write_accounts(account(('"api_key": "%s"'):format(reference)))
      local output = command.expect(2, "get studio tempolor")
      assert.is_not_nil(output:find(("\nstudio: config: its api_key: %s\n")
        :format(why), 1, true), output)
      assert.matches("776.56 credits", output)
    end
  end)

  it("is told of where others can read it, and refused with a key in it",
    function()
      command.write_accounts(account '"api_key": "env:UDIO_API_KEY"', "644")
      local _, errors = command.expect(0, "get studio")
      assert.equal("balance: ~/.config/balance/accounts.json can be read by"
        .. " others (mode 644): chmod 600 it\n", errors)
      command.write_accounts(account(('"api_key": "%s"'):format(unused)),
        "640")
      local output
      output, errors = command.expect(64, "get studio")
      assert.equal("", output)
      assert.matches("%(mode 640%): chmod 600 it, for it has a key in it\n",
        errors)
      assert.is_nil(errors:find(unused, 1, true))
      command.write_accounts(account '"proxy": "http://me:pw@localhost"',
        "644")
      _, errors = command.expect(64, "get studio")
      assert.is_nil(errors:find "pw@")
      command.write_accounts([[{ "notify": [
        { "url": "https://hooks.slack.com/services/T0/B0/secret" } ] }]],
        "644")
      _, errors = command.expect(64, "get udio")
      assert.is_nil(errors:find "secret")
    end)

  it("is refused where others can change it", function()
    command.write_accounts(account '"api_key": "cmd:touch ~/ran; echo x"',
      "602")
    local _, errors = command.expect(64, "get studio")
    assert.matches("can be changed by others %(mode 602%)\n", errors)
    assert.is_nil(process.read(command.home .. "/ran"))
  end)

  it("shows no key that somebody took for the name of a variable", function()
    command.write_accounts(account(('"api_key": "env:%s"'):format(unused)))
    for _, arguments in ipairs { "get studio", "doctor studio --json" } do
      local output, errors = command.expect(2, arguments)
      assert.is_nil((output .. errors):find(unused, 1, true))
    end
  end)

  it("is told of a key file that others can read, once", function()
    command.write("key", unused, "644")
    command.write_accounts [[{ "accounts": {
      "a": { "provider": "udio", "api_key": "file:~/key" },
      "b": { "provider": "udio", "api_key": "file:~/key" } } }]]
    local _, errors = command.expect(0, "get a b")
    assert.equal("balance: ~/key can be read by others (mode 644): chmod 600"
      .. " it\n", errors)
  end)

  it("is another one where the user says so", function()
    local path = command.write("mine.json",
      account '"api_key": "env:UDIO_API_KEY"')
    for arguments, setting in pairs {
      ["get --plain studio --accounts " .. path] = "",
      ["get --plain studio --accounts '~/mine.json'"] = "",
      ["get --plain studio"] = "BALANCE_ACCOUNTS=" .. path,
    } do
      assert.matches("^studio\tudio\t195\t",
        (command.expect(0, arguments, setting)))
    end
    local _, errors = command.expect(64, "get --accounts /nowhere")
    assert.equal("balance: /nowhere is not there\n", errors)
    local elsewhere = command.write("xdg/balance/accounts.json",
      account '"api_key": "env:UDIO_API_KEY"')
    assert.matches("^studio\t", (command.expect(0, "get --plain studio",
      "XDG_CONFIG_HOME=" .. elsewhere:match "^(.*)/balance/")))
  end)

  it("is refused with its mistake, whatever that is", function()
    for text, why in pairs {
      [""] = "it is no JSON",
      ["{"] = "it is no JSON: line 1",
      ["{\n\"accounts\": {\n,} }"] = "it is no JSON: line 3",
      ["[]"] = "", -- an empty list is an empty object in Lua
      ["[1]"] = "unknown section '1'",
      ["7"] = "it is no JSON",
      ['{ "acounts": {} }'] =
        "unknown section 'acounts'; did you mean 'accounts'?",
      ['{ "accounts": 7 }'] =
        "section 'accounts' must be a table, not a number",
      ['{ "accounts": { "udio": { "provider": "tempolor" } } }'] =
        "account 'udio': the name is another provider's",
      ['{ "accounts": { "tencent": { "min": 1e308 } } }'] =
        "account 'tencent': field 'min' is too large",
      ['{ "accounts": { "x": {} } }'] = "account 'x': unknown provider 'x'",
      ['{ "accounts": { "x": { "provider": "udoi" } } }'] =
        "account 'x': unknown provider 'udoi'; did you mean 'udio'?",
      ['{ "accounts": { "x": { "provider": {} } } }'] =
        "account 'x': unknown provider",
      ['{ "accounts": { "x": "udio" } }'] =
        "account 'x': it must be an object",
      ['{ "accounts": { "a\\u0000b": {} } }'] = "the name of an account",
      ['{ "accounts": { "\\u001b[2J": {} } }'] = "the name of an account",
      ['{ "notify": 7 }'] = "section 'notify' must be a table, not a number",
      ['{ "notify": [7] }'] = '"notify" must be a list of objects',
      ['{ "notify": { "url": "https://localhost/" } }'] =
        '"notify" must be a list of objects',
      ['{ "notify": [null, 7] }'] = '"notify" must be a list of objects',
      [account '"api_keys": "x"'] =
        "unknown field 'api_keys'; did you mean 'api_key'?",
      [account '"api_key": 7'] = "field 'api_key' must be a string",
      [account '"api_key": "a\\u0000b"'] =
        "field 'api_key' has a control character",
      [account '"min": "5"'] = "field 'min' must be a number, not a string",
      [account '"min_days": 0'] = "field 'min_days' must be more than 0 days",
      [account '"remind": 1'] = "field 'remind' must be 60 seconds or more",
      [account '"timeout": -1'] = "field 'timeout' must be more than 0",
      [account '"site": "cn"'] = "unknown field 'site'",
      [account '"cache": {}'] = "unknown field 'cache'",
      [account '"trace": {}'] = "unknown field 'trace'",
      ['{ "accounts": { "c": { "provider": "tencent", "site": "de" } } }'] =
        "field 'site' must be 'intl' or 'cn'",
      [("[" ):rep(100)] = "it is no JSON",
      ["{ \"accounts\": {" .. ('"a": {},'):rep(3000) .. '"b": {} } }'] =
        "it has too many fields",
      [(" "):rep(70000)] = "is larger than 64 KiB",
      ["\255\254{}"] = "it is no JSON",
    } do
      command.write_accounts(text)
      if why ~= "" then
        local output, errors = command.expect(64, "get")
        assert.equal("", output)
        local first = errors:match "^balance: ([^\n]+)\n"
        assert.matches("^~/.config/balance/accounts.json[: ]", first)
        assert.is_not_nil(first:find(why, 1, true), first)
      else
        command.expect(0, "get")
      end
    end
  end)

  it("cannot be a directory or a FIFO", function()
    command.write(".config/balance/accounts.json/x", "")
    local _, errors = command.expect(64, "get")
    assert.matches("accounts.json is not a file", errors)
    local fifo = command.home .. "/fifo"
    os.execute("mkfifo " .. fifo)
    _, errors = command.expect(64, "get --accounts " .. fifo)
    assert.matches("fifo is not a file", errors)
  end)

  it("gives way to --timeout", function()
    command.write_accounts(account(
      ('"api_key": "%s", "timeout": 60'):format(
        accounts.udio.hanging.api_key)))
    for arguments, status in pairs { ["get studio --timeout 0.5"] = 2,
      ["nagios --account studio -t 1"] = 3 } do
      assert.matches("timeout", (command.expect(status, arguments)))
    end
  end)
end)

describe("the command beside the files of Tencent's tools #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  local unset = "env -u TENCENTCLOUD_SECRET_ID -u TENCENTCLOUD_SECRET_KEY"
  local prepaid, bench = accounts.tencent.prepaid, accounts.tencent.bench

  -- What the SDKs and tccli write.
  local function write_files()
    command.write(".tencentcloud/credentials", ([[
[default]
secret_id = %s
secret_key = %s

[other]
secret_id = wrong
secret_key = wrong
]]):format(prepaid.secret_id, prepaid.secret_key))
    command.write(".tccli/bench.credential",
      ('{"secretId": "%s", "secretKey": "%s"}'):format(bench.secret_id,
        bench.secret_key))
    command.write(".tccli/bench.configure", '{"_sys_param": {}}')
  end

  it("takes the keys of the SDKs' file, and of a profile of tccli", function()
    write_files()
    assert.matches("^tencent\ttencent\t1234.5675\tUSD\t",
      (command.expect(0, "get tencent --plain", unset)))
    command.write_accounts [[{ "accounts": {
      "main": { "provider": "tencent", "min": 42.01 },
      "bench": { "provider": "tencent", "profile": "bench", "min": 42.01 }
    } }]]
    local output, errors = command.expect(1, "get main bench --plain", unset)
    assert.equal("", errors)
    assert.matches("^bench\ttencent\t42.00\tUSD\t.*\nmain\ttencent\t1234.56",
      output)
  end)

  it("tells the doctor what was passed by, and why", function()
    write_files()
    local output = command.expect(0, "doctor tencent", unset)
    assert.matches("ok +passed by +the environment %(it has none of the"
      .. " variables%)\n", output)
    assert.matches("ok +keys +from ~/.tencentcloud/credentials\n", output)
    output = command.expect(2, "doctor tencent --offline",
      unset .. " TENCENTCLOUD_PROFILE=none")
    assert.matches("passed by +~/.tencentcloud/credentials %(no such"
      .. " profile%)", output)
    assert.matches("wrong +keys +none was found\n", output)
  end)
end)
