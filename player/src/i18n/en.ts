export default { brand: 'Odeon', notFound: { title: 'There is nothing here' } }
