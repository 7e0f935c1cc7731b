-- SPDX-License-Identifier: MIT
--
-- The subcommands that print what is not for a person's eyes alone.
local cjson = require "cjson"
local command = require "support.command"
local process = require "support.process"

describe("balance prometheus #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("prints metrics, and a failure among them", function()
    local output, errors = command.expect(0, "prometheus udio tempolor",
      "TEMPOLOR_API_KEY=wrong")
    assert.equal("", errors)
    assert.matches('\nbalance_credits{account="udio",provider="udio"} 195\n',
      output)
    assert.matches('\nbalance_up{account="tempolor",provider="tempolor"} 0\n',
      output)
  end)

  it("writes a file that is whole whenever it is read", function()
    local path = command.home .. "/balance.prom"
    local output = command.expect(0, "prometheus udio --textfile " .. path)
    assert.equal("", output)
    assert.matches("^# HELP .*\n$", process.read(path))
    assert.equal("balance.prom\n",
      (process.run(("ls %s | grep prom"):format(command.home))))
    local _, errors = command.expect(2, "prometheus udio --textfile "
      .. "/nowhere/x.prom")
    assert.matches("^balance: /nowhere/x.prom.*: No such file", errors)
  end)
end)

describe("balance nagios #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("ends with the status of a plugin", function()
    for arguments, expected in pairs {
      ["--account udio"] = { 0, "OK" },
      ["--account udio -w 200: -c 20:"] = { 1, "WARNING" },
      ["--account udio -w 200: -c 196:"] = { 2, "CRITICAL" },
      ["--account udio -w ~:100"] = { 1, "WARNING" },
    } do
      local output = command.expect(expected[1], "nagios " .. arguments)
      assert.matches("^BALANCE " .. expected[2] .. " %- udio: 195 credits | "
        .. "'udio'=195[^\n]*\n$", output)
    end
  end)

  it("is UNKNOWN where it is not known, or CRITICAL", function()
    local output = command.expect(3, "nagios --account udio",
      "UDIO_API_KEY=wrong")
    assert.matches("^BALANCE UNKNOWN %- udio: auth: [^\n]+ | 'udio'=U\n$",
      output)
    command.expect(2, "nagios --account udio --failure-state critical",
      "UDIO_API_KEY=wrong")
  end)

  it("is UNKNOWN for any mistake, and says it on standard output", function()
    for _, arguments in ipairs { "-w x", "-w 5:1", "--account", "--foo",
      "--account nobody", "-t 0", "--failure-state x" } do
      local output, errors = command.expect(3, "nagios " .. arguments)
      assert.equal("", errors)
      assert.matches("^BALANCE UNKNOWN %- [^\n|]+\n$", output)
    end
    for _, arguments in ipairs { "--help", "-h" } do
      assert.matches("^Usage: balance nagios",
        (command.expect(3, "nagios " .. arguments)))
    end
  end)

  it("gives up in time", function()
    local output = command.expect(3, "nagios --account udio -t 1",
      "UDIO_API_KEY=sandbox-hanging-7be2519c04f8d36a")
    assert.matches("timeout", output)
  end)
end)

describe("balance page #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("writes the page", function()
    local path = command.home .. "/page.html"
    command.expect(0, "page udio -o " .. path)
    assert.matches("^<!doctype html>.*udio.*195 credits", process.read(path))
    assert.equal(process.read(path):match "<title>.-</title>",
      (command.expect(0, "page udio -o -"):match "<title>.-</title>"))
    command.expect(64, "page udio")
    command.expect(2, "page udio -o /nowhere/page.html")
  end)
end)

describe("balance providers #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("lists what is known", function()
    local unset = "env -u UDIO_API_KEY -u UDIO_ENDPOINT"
    local output = command.expect(0, "providers", unset)
    assert.matches("\nudio +credit +UDIO_API_KEY +https://udioapi.pro\n"
      .. " +UDIO_ENDPOINT\n", output)
    output = command.expect(0, "providers --plain", unset)
    assert.matches("\ntencent\tcent\tTENCENTCLOUD_SECRET_ID"
      .. " TENCENTCLOUD_SECRET_KEY\thttps://billing.intl.tencentcloudapi.com"
      .. "\tTENCENT_ENDPOINT\n", output)
    local document = cjson.decode((command.expect(0, "providers --json")))
    assert.equal(1, document.version)
    assert.equal("TEMPOLOR_API_KEY",
      document.providers.tempolor.variables[1])
  end)
end)

describe("balance sign #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  local host = os.getenv "TENCENT_ENDPOINT":match "^https://(.*)$"
  local call = ("sign --service billing --host %s --action"
    .. " DescribeAccountBalance --version 2018-07-09"):format(host)

  it("signs a call that the service takes", function()
    for data, field in pairs {
      [""] = '"Uin":600000561284', ["--data '{\"TempCredit\":true}'"] =
        '"TempAmountInfoList"',
    } do
      local output = command.expect(0, call .. " --format curl " .. data, "",
        "| curl -s -K -")
      assert.is_not_nil(output:find(field, 1, true), output)
    end
    local path = command.write("body", '{"TempCredit":true}')
    for _, data in ipairs { "@" .. path, "@-" } do
      local output = command.expect(0, ("%s --format curl --data %s <%s")
        :format(call, data, path), "", "| curl -s -K -")
      assert.matches("TempAmountInfoList", output)
    end
  end)

  it("prints headers, as lines or as JSON", function()
    local lines = command.expect(0, call)
    assert.matches("^Authorization: TC3%-HMAC%-SHA256 Credential=AKIDSandbox",
      lines)
    assert.matches("\nX%-TC%-Action: DescribeAccountBalance\n", lines)
    local headers = cjson.decode((command.expect(0, call .. " --format json")))
    assert.equal(host, headers.Host)
    assert.equal("2018-07-09", headers["X-TC-Version"])
  end)

  it("takes the keys of an account of the accounts file", function()
    command.write_accounts [[{ "accounts": {
      "cloud": { "provider": "tencent", "secret_id": "cmd:echo AKIDexample",
        "secret_key": "cmd:echo x" },
      "studio": { "provider": "udio" } } }]]
    assert.matches("Credential=AKIDexample/",
      (command.expect(0, call .. " --account cloud")))
    command.expect(64, call .. " --account studio")
    command.expect(64, call .. " --account nobody")
  end)

  it("says what is missing", function()
    for arguments, status in pairs {
      ["sign"] = 64, ["sign --service cvm"] = 64,
      [call .. " --region ''"] = 64, [call .. " --region 'a\nb'"] = 64,
      [call .. " --data @/nowhere"] = 64, [call .. " --format xml"] = 64,
    } do
      local output = command.expect(status, arguments)
      assert.equal("", output)
    end
    local _, errors = command.expect(2, call,
      "env -u TENCENTCLOUD_SECRET_ID -u TENCENTCLOUD_SECRET_KEY")
    assert.matches("no key: give secret_id and secret_key", errors)
  end)
end)

describe("balance completion #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("completes in bash", function()
    local path = command.home .. "/completion"
    command.expect(0, "completion bash >" .. path)
    local output = process.run(([[bash -c '. %s
      COMP_WORDS=(balance do) COMP_CWORD=1; _balance; echo "${COMPREPLY[@]}"
      COMP_WORDS=(balance check --mi) COMP_CWORD=2; _balance
      echo "${COMPREPLY[@]}"']]):format(path))
    assert.equal("doctor\n--min --min-days\n", output)
    for _, shell in ipairs { "zsh", "fish" } do
      assert.matches("doctor",
        (command.expect(0, "completion " .. shell)))
    end
    command.expect(64, "completion tcsh")
    command.expect(64, "completion")
  end)
end)

describe("the help of balance #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  local parsers = require "balance.command.parser"
  local parser, commands = parsers.new(function() end)

  it("fits a screen", function()
    for _, arguments in ipairs { "--help", "-h" } do
      local output = command.expect(0, arguments)
      local _, lines = output:gsub("\n", "")
      assert.is_true(lines <= 24, lines)
      for line in output:gmatch "[^\n]+" do
        assert.is_true(#line <= 79, line)
      end
      for name in pairs(commands) do
        assert.matches("\n   " .. name .. " ", output)
      end
    end
  end)

  it("has an example of each subcommand, which can be parsed", function()
    for name, one in pairs(commands) do
      local output = command.expect(name == "nagios" and 3 or 0,
        name .. " --help")
      assert.is_not_nil(output:find("Example:\n   " .. one.example, 1, true))
      local words = one.example:gsub("^check_balance", "balance nagios")
        :gsub("\\\n", ""):match "^balance ([^|>]+)"
      local arguments = {}
      for word in process.run("printf '%s\\n' " .. words):gmatch "[^\n]+" do
        arguments[#arguments + 1] = word
      end
      function parser.error(_, message)
        error(message)
      end
      assert.equal(name, parser:parse(arguments).command)
    end
  end)

  it("says the version", function()
    for _, arguments in ipairs { "--version", "-V" } do
      assert.equal(("balance %s\n"):format(require "balance.version"),
        (command.expect(0, arguments)))
    end
  end)

  it("is in the manual page, which a formatter takes", function()
    local path = command.home .. "/balance.1"
    command.expect(0, "manual >" .. path)
    local page, status = process.run(("MANWIDTH=80 LC_ALL=C.UTF-8 man"
      .. " --warnings -l %s 2>&1 | col -b"):format(path))
    assert.equal(0, status)
    assert.is_nil(page:find "warning:", page)
    for name in pairs(commands) do
      assert.matches("\n   " .. name .. "\n", page)
    end
    assert.matches("%-%-fail%-open", page)
    assert.matches("EXIT STATUS", page)
  end)
end)
