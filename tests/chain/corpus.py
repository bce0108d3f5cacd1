"""Contracts to be looked at: some with one thing wrong each, some with nothing wrong."""

HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.27;\n\n"

VULNERABLE = (
    HEAD
    + """\
interface IERC20 {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

contract Reentrant {
    mapping(address => uint256) public balances;

    function deposit() external payable {
        balances[msg.sender] += msg.value;
    }

    function withdraw() external {
        uint256 amount = balances[msg.sender];
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "not paid");
        balances[msg.sender] = 0;
    }
}

contract ByOrigin {
    address public immutable owner = msg.sender;
    event Paid(address to);

    function pay(address payable to) external {
        require(tx.origin == owner, "not the owner");
        emit Paid(to);
        to.transfer(1);
    }

    receive() external payable {}
}

contract Careless {
    address public immutable owner = msg.sender;

    function ping(address target) external {
        require(msg.sender == owner, "not the owner");
        target.call("");
    }

    function give(address payable to) external payable {
        require(msg.sender == owner, "not the owner");
        to.send(msg.value);
    }
}

contract Generous {
    function pay(address payable to) external {
        to.transfer(address(this).balance);
    }

    receive() external payable {}
}

contract Mortal {
    function close(address payable to) external {
        // slither-disable-next-line all
        selfdestruct(to);
    }
}

contract Lottery {
    function draw() external view returns (uint256) {
        return uint256(keccak256(abi.encodePacked(block.timestamp))) % 10;
    }
}

contract Obedient {
    function run(address target, bytes calldata data) external {
        (bool ok, ) = target.delegatecall(data);
        require(ok, "failed");
    }
}

contract Sink {
    function put() external payable {}
}

contract Puller {
    IERC20 public immutable token;

    constructor(IERC20 token_) {
        token = token_;
    }

    function pull(address from, uint256 value) external {
        require(token.transferFrom(from, address(this), value), "not pulled");
    }

    function take(uint256 value) external {
        token.transferFrom(msg.sender, address(this), value);
    }
}

contract Forgetful {
    address public owner;

    function setOwner(address owner_) external {
        owner = owner_;
    }
}
"""
)

TOKENS = (
    HEAD
    + """\
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

contract MyToken is ERC20, ERC20Pausable, ERC20Permit, Ownable {
    constructor(address recipient, address initialOwner)
        ERC20("MyToken", "MTK")
        ERC20Permit("MyToken")
        Ownable(initialOwner)
    {
        _mint(recipient, 1000000 * 10 ** decimals());
    }

    function pause() public onlyOwner {
        _pause();
    }

    function mint(address to, uint256 amount) public onlyOwner {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Pausable) {
        super._update(from, to, value);
    }
}

contract MyNft is ERC721 {
    uint256 private _nextTokenId;

    constructor() ERC721("MyNft", "NFT") {}

    function safeMint(address to) public {
        uint256 tokenId = _nextTokenId++;
        _safeMint(to, tokenId);
    }
}

contract MyItems is ERC1155, AccessControl {
    constructor(address admin) ERC1155("https://items.example/{id}.json") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    function supportsInterface(bytes4 id) public view override(ERC1155, AccessControl) returns (bool) {
        return super.supportsInterface(id);
    }
}
"""
)

RULES = (
    HEAD
    + """\
contract Child {
    function end() external {
        selfdestruct(payable(msg.sender));
    }
}

contract Parent {
    event Made(address child);

    function make() external {
        emit Made(address(new Child()));
    }
}

contract Origin {
    function who() external view returns (address) {
        return tx.origin;
    }
}

contract Delegating {
    function run(address target) external returns (bool ok) {
        (ok, ) = target.delegatecall("");
    }
}

contract Store {
    struct Box {
        uint256 size;
    }
    event Changed();
    uint256 public constant MOST = 5;
    uint256 internal _value;
    uint256[] internal _list;
    Box internal _box;
    mapping(address => mapping(uint256 => Box)) internal _boxes;
    modifier told() {
        emit Changed();
        _;
    }

    function plain() external {
        _value = 1;
    }

    function counted() external {
        _value++;
    }

    function cleared() external {
        delete _box;
    }

    function pushed() external {
        _list.push(1);
    }

    function nested() external {
        _boxes[msg.sender][1].size = 2;
    }

    function pointed() external {
        Box storage box = _box;
        box.size = 3;
    }

    function several() external {
        (, _value) = (1, 2);
    }

    function indirectly() external {
        _set(4);
    }

    function announced() external {
        _value = 1;
        emit Changed();
    }

    function announcedByModifier() external told {
        _value = 1;
    }

    function announcedIndirectly() external {
        _setAndTell(4);
    }

    function inMemory() external pure returns (uint256) {
        Box memory box = Box(1);
        box.size = 2;
        return box.size;
    }

    function nothing() external {}

    function read() external view returns (uint256) {
        return _value;
    }

    function _set(uint256 value) internal {
        _value = value;
    }

    function _setAndTell(uint256 value) private {
        _set(value);
        emit Changed();
    }
}

abstract contract Idea {
    function idea() external virtual;
}
"""
)

SILENT = ("plain", "counted", "cleared", "pushed", "nested", "pointed", "several", "indirectly")

LOOSE = "pragma solidity >=0.8.0;\n\ncontract Loose {}\n"
EXACT = HEAD.replace("^0.8.27", "=0.8.37") + "contract Exact {}\n"

CONTEXT = "@openzeppelin/contracts/utils/Context.sol"
MORTAL = (
    HEAD
    + """\
abstract contract Context {
    function close(address payable to) external {
        selfdestruct(to);
    }
}
"""
)
INHERITING = HEAD + f'import {{Context}} from "{CONTEXT}";\n\ncontract Heir is Context {{}}\n'
